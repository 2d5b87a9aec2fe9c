"""The words that tell kinds of messages apart, in the most used languages.

English ones are as they are. Of other languages only words are listed that English chat does not hold: no "die",
"was", "also", "so". They are compared without accents. Where words have no spaces between them, and in Korean,
whose words have endings, it is pieces of text that are listed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from tuner.text.scripts import plain

KINDS = (
    "asks", "begins like a question", "thanks", "agrees", "greets", "goes on", "shows code", "shows something",
    "is a command", "says you", "speaks to everyone", "says I", "exclaims", "trails off", "is a stub", "has no words",
    "has up to 2 words", "has up to 5 words", "has up to 10 words", "has up to 18 words",
)  # fmt: skip
"""What each bit of `Reading.kind` says, the lowest first."""

_COMMON = """
    a about all also am an and any are as at be been but by can could did do does doing don't for from get got
    had has have he her here him his how i i'm if in into is isn't it it's its just like me my no not now of off on
    one or our out over own s she should so some t than that that's the their them then there these they thing this
    those to too try u up use using want was we well were what when where which who why will with would yes you
    your ok yeah need know think see good way work works sure really even much only still
"""
# German, Spanish, Portuguese, French, Italian, Dutch, Turkish, Polish, Indonesian, Russian, Ukrainian, Arabic, Hindi,
# Korean, Greek, Hebrew.
_COMMON_ELSEWHERE = """
    aber auch auf aus bei beim bin bist dann das dass dein dem denn der dich diese dieser doch durch ein eine
    einem einen einer eines er es etwas für gibt habe haben hast hier ich ihr im immer ist ja jetzt kann kein
    keine können machen mal mehr mein mich muss nach nicht nichts noch nur oder schon sein sich sie sind über um
    und uns viel vom von vor weil wenn werden wie wieder wir wird wo zu zum zur algo ahora aquí al así cada como
    con cuando de del desde donde el ella en entre era es esa ese eso esta está estaba estoy están este esto estos
    hace hacer hasta hay la las le les lo los más mi mucho muy nada ni nos o para pero poco por porque puede que
    qué quien se ser si sí siempre sino sobre soy su sus también tan tengo tiene todo todos tu un una uno unos ya
    yo ao aos aqui até com da das dele dos ela ele em então essa esse estou eu foi isso isto já lhe mais mas meu
    minha muito na não nas nem nós num o onde os ou pela pelo pra qual quando quem são seu sua só tem tenho um uma
    você à au aussi aux avec bien ça ce cette c'est chez d'un dans des deux dit donc du elle elles en encore est
    et être eu fait faire ici il ils j'ai je l'on leur lui ma mais même moi mon ne nous on où ont ou par parce pas
    peut peux pour quand que quel qu'il qui rien sans ses sont suis sur tous tout très tu une va vous anche che
    chi ci come cosa della delle di dove e è fare gli ha ho il io loro lui ma mi mio molto nel nella non per
    perché più poi quando questa questo se sei si sono sta tra tutti tutto una un als ben dan dat deze een en er
    geen haar heb heeft het hij hoe ik is je kan maar meer met mijn naar niet nog ook omdat te uit van veel voor
    waar wat we wel wordt ze zijn zo bir bu da de değil için ile mi ne o olarak sen siz şu ve var yok ya ama çok
    daha gibi kadar ale bo być było co czy dla do gdzie go i ich jak jest jestem już ktoś mam mi może na nie nim
    od po się są tak tam te tego ten to tu tylko tym w z za że ada adalah aku apa atau bisa dan dari dengan di ini
    itu juga kalau kamu karena ke mau nya pada saya sudah tapi tidak untuk yang а без бы был была были было быть в
    вам вас ведь во вот все всё всего вы где да даже для до его ее её если есть еще ещё же за и из или им их к как
    какой когда кто ли либо мне может мой моя мы на над надо нас не него нет ни но ну о об он она они от очень по
    под потому при про просто раз с сам себя сейчас со так также такой там тебя теперь то тогда тоже только тот ты
    у уж уже хотя чего чем что чтобы эта эти это этого этой этом этот я або але він вона вони для до її його із
    від які який якщо та так там це цей що як أن أنا أو أي إذا إلا إلى إن أنت الذي التي الى اللي ان انا انت او اي
    ايش بعد بس بين تم ثم حتى حول دون ذلك شي شيء على عن عند عندي غير في فيه قبل قد كان كانت كل كما كيف لا لأن لقد
    لم لما لن لها له لو ليس ما مع من منه نعم هذا هذه هل هم هنا هناك هو هي و ولا وهو يا يكون अगर अब अभी आप आपको इस
    इसके उस उसके एक ऐसे और कर करता करते करना करने का कि किया किसी की कुछ के को कोई क्या गया जब जा जो तक तब तुम तो
    था थी थे दो नहीं ने पर पास फिर बहुत बाद भी मुझे में मेरा मेरे मैं यह यहाँ या ये रहा रहे रही लिए लेकिन वह वहाँ
    वाला वे वो सब सकता सकते साथ से हम हाँ ही हुआ है हैं हो होता होती होने be bhi hai hain kar kya ka ki ko kuch
    mein nahi nahin raha toh 그 이 저 것 수 더 안 잘 좀 또 및 등 제 내 네 난 넌 전 게 건 걸 거 뭐 왜 있는 있어요
    없는 하는 해서 근데 그냥 진짜 너무 지금 της του την τον και να είναι δεν για με που το τα οι στο στη θα από של
    את לא על זה אני הוא היא עם אם כי גם יש אין מה אבל או רק כל לי לך אתה
"""
# English words among those, and words that name things in English chat.
_ENGLISH = frozenset(
    """
    als am aux ben bin bo bout ca co com come con cosa dan des die dit dos du em es est etc fait fur go hat her
    il im ini io is ko lo man mas me meme met mi mis mit mon nas non nos o os par pas pelo per plus pour sa sans
    se sei sein sent sin sine so son sta su sur ten todo ton tout un uno va var ve vs w war was wat we wel who
    will with z ze
    """.split()
)

_ANYWHERE = {
    "thanks": "thanks thx thank ty cheers tnx thanx",
    "says you": "you your you're u ur yours",
    "speaks to everyone": "anyone anybody someone somebody everyone everybody all guys folks",
    "says I": "i i'm i've my me im ive",
}
_ANYWHERE_ELSEWHERE = {
    "thanks": """
        danke dankeschön dankesehr gracias obrigado obrigada merci grazie bedankt dankjewel teşekkürler teşekkür
        sağol dziękuję dzięki спасибо спасибки спс благодарю дякую شكرا مشكور متشكر شكرًا धन्यवाद शुक्रिया
        dhanyavad shukriya makasih ευχαριστώ תודה
    """,
    "says you": """
        dich dein deine deinen deinem deiner euch ihr euer tu tus tuyo usted ustedes contigo você vocês teu toi
        vous votre tes voi ты тебе тебя тобой твой твоя твои вы вам вас вами ваш ваша ваши тебе ти انت انتم انتي
        لك عليك عندك لكم तुम तुम्हें तुम्हारा तुम्हारे आप आपका आपके आपको आपने तू तुझे sen siz kamu anda jij
        jullie εσύ εσείς אתה אתם לך
    """,
    "speaks to everyone": """
        jemand leute alguien chicos chicas gente alguém pessoal galera quelqu'un tutti qualcuno ragazzi нибудь
        всем ребята народ кто-то хто احد أحد الجميع شباب جماعة कोई किसी सभी सबको birisi herkes arkadaşlar ktoś
        wszyscy iemand allemaal semua κάποιος מישהו כולם
    """,
    "says I": """
        ich mich mein meine meinen meinem meiner soy tengo quiero necesito estoy mío meu minha tenho estou je
        j'ai moi suis sono я мне меня мной мной мой моя мои моё انا أنا عندي لدي معي मैं मुझे मुझको मेरा मेरी
        मेरे मैंने हम हमें ik mijn saya aku benim bana mam jestem εγώ אני שלי
    """,
}
_EARLY = {
    "agrees": "yes yeah yep yup no nope nah ok okay k sure right true exactly ya yea indeed correct",
    "greets": "hi hello hey hiya yo greetings morning hola",
}
_EARLY_ELSEWHERE = {
    "agrees": """
        ja jep jup nein doch genau klar stimmt richtig si vale claro exacto sim não nao isso oui ouais
        exactement esatto certo да нет ага угу неа конечно точно верно ладно хорошо так ні نعم ايوه ايه اجل صح
        تمام طبعا لا كلا हाँ हां नहीं जी ठीक सही बिल्कुल evet hayır tamam dokładnie iya tidak ναι όχι כן לא
    """,
    "greets": """
        hallo moin servus guten grüezi buenas buenos olá oi bonjour salut bonsoir coucou ciao buongiorno привет
        приветик здравствуйте здравствуй приветствую здарова добрый доброе вітаю مرحبا مرحبًا السلام سلام اهلا
        أهلا नमस्ते नमस्कार namaste merhaba selam cześć selamat halo γεια שלום
    """,
}
_FIRST = {
    "begins like a question": """
        what how why where who which when is are does do can could anyone anybody has did would should
    """,
    "goes on": "and but or so because cause also then which like plus though it that its it's",
}
_FIRST_ELSEWHERE = {
    "begins like a question": """
        wie warum wieso weshalb weswegen wo wer wann welche welcher welches woher wohin wozu kann könnte gibt
        weiß jemand qué cómo cuándo dónde quién cuál cuánto alguien puede puedo onde quando quem qual quanto
        alguém pourquoi quand qui quel quelle quels combien quelqu'un perché dove quale qualcuno как что почему
        зачем где кто когда какой какая какое какие можно сколько куда откуда чем як чому де хто كيف ماذا لماذا
        اين أين متى من ما هل كم ليش وين شو ايش क्या कैसे क्यों कहाँ कहां कब कौन कौनसा कितना कितने nasıl neden
        niye nerede kim hangi waarom waar wanneer jak dlaczego gdzie kiedy kto czy apa bagaimana kenapa gimana
        siapa kapan πώς γιατί πού איך למה איפה מי
    """,
    "goes on": """
        und oder aber weil außerdem pero porque entonces además então et mais donc parce allora però и а но
        потому или тоже также ещё еще зато але або لكن ولكن لان لأن او ثم و और लेकिन मगर तो क्योंकि या ama çünkü
        maar omdat tapi karena και αλλά אבל וגם
    """,
}

# Pieces of text. What stands for no kind only keeps what is in it from being found.
_PIECES = {
    "": "你好 您好 どうも どうぞ いつも 自我 无我 忘我 君子 いつか 대하 나라",
    "thanks": """
        谢谢 谢了 谢啦 多谢 感谢 謝謝 謝了 多謝 感謝 ありがと 有難う 有り難う あざす サンキュー ขอบคุณ ขอบใจ
        감사 고마 고맙 땡큐 ຂອບໃຈ អរគុណ ကျေးဇူး
    """,
    "says you": """
        你 您 妳 あなた 貴方 お前 おまえ 君 คุณ เธอ ท่าน 당신 너는 네가 니가 너도 너의 너한테
    """,
    "speaks to everyone": """
        大家 各位 有人 有谁 有誰 谁能 誰能 谁有 誰有 みんな みなさん 皆さん 皆様 誰か だれか どなたか ทุกคน ใคร
        เพื่อนๆ 여러분 누구 누가 다들 ໃຜ
    """,
    "says I": """
        我 俺 私 僕 ぼく わたし ผม ฉัน หนู 저는 제가 나는 내가 저도 나도 저의 나의 우리 ຂ້ອຍ ខ្ញុំ ကျွန်
    """,
    "begins like a question": """
        什么 什麼 甚麼 怎么 怎麼 为什么 為什麼 为何 為何 哪 谁 誰 几个 幾個 多少 如何 是否 能不能 有没有 有沒有
        何 なぜ なん どう どこ いつ だれ どれ どの どんな どなた なに いくつ いくら อะไร ทำไม ยังไง อย่างไร ไหน
        เมื่อไหร่ เมื่อไร กี่ เท่าไหร่ เท่าไร ใคร 뭐 왜 어떻게 어디 언제 무엇 무슨 어느 몇 어떤 ຫຍັງ អ្វី
    """,
}
_ASKING = (
    r"[吗嗎]|[么麼呢](?=\W|$)|(?:です|ます|でしょう|ません|でした|ました|るの|いの|たの|ない)か(?=\W|$)|か[なね]?(?=\?)"
    r"|かな(?=\W|$)|かしら|ไหม|มั้ย|มัย(?=\W|$)|หรือเปล่า|รึเปล่า|หรือยัง|รึยัง|[까나가]요(?=\W|$)|[니습]까(?=\W|$)|[나느]?냐(?=\W|$)"
)
_AT_FIRST = {
    "agrees": """
        是的 是啊 是呀 对 對 好的 好啊 好吧 嗯 没错 沒錯 当然 當然 可以 行 不是 不行 不用 不对 不對 不会 没有
        はい うん ええ いいえ いや ううん そう 了解 確かに もちろん なるほど ใช่ ครับ ค่ะ ไม่ โอเค ได้ 네 넵 예
        응 아니 그래 맞 알겠 ㅇㅇ ㄴㄴ ㅇㅋ
    """,
    "greets": """
        你好 您好 大家好 早上好 早安 晚上好 嗨 哈喽 哈囉 こんにちは こんばんは おはよう やあ はじめまして สวัสดี
        หวัดดี ดีครับ ดีค่ะ 안녕 하이 ສະບາຍດີ សួស្តី မင်္ဂလာပါ
    """,
    "goes on": """
        但是 但 可是 不过 不過 而且 因为 因為 所以 还有 還有 然后 然後 那 或者 でも だから しかし それで それに
        けど だけど じゃあ なので แต่ และ เพราะ ก็ แล้ว หรือ 그리고 근데 그런데 그래서 하지만 그럼 또
    """,
}


def bit(kind: str) -> int:
    return 1 << KINDS.index(kind)


def _words(text: str) -> list[str]:
    return plain(text).lower().split()


def _bits(*listed: Mapping[str, str]) -> dict[str, int]:
    """Word → the bits of the kinds it speaks for."""
    bits: dict[str, int] = {}
    for kinds in listed:
        for kind, text in kinds.items():
            for word in _words(text):
                bits[word] = bits.get(word, 0) | bit(kind)
    return bits


COMMON = frozenset(_COMMON.split()) | (frozenset(_words(_COMMON_ELSEWHERE)) - _ENGLISH)
"""Words that say nothing of what is talked about."""
ANYWHERE = _bits(_ANYWHERE, _ANYWHERE_ELSEWHERE)
EARLY = _bits(_EARLY, _EARLY_ELSEWHERE)
"""Among a message's first three words."""
FIRST = _bits(_FIRST, _FIRST_ELSEWHERE)


@cache
def _pieces() -> tuple[dict[str, int], re.Pattern[str]]:
    return _searched(_PIECES)


@cache
def _first_pieces() -> tuple[dict[str, int], re.Pattern[str]]:
    return _searched(_AT_FIRST)


@cache
def _asking() -> re.Pattern[str]:
    return re.compile(_ASKING)


def _searched(listed: Mapping[str, str]) -> tuple[dict[str, int], re.Pattern[str]]:
    bits: dict[str, int] = {}
    for kind, text in listed.items():
        for piece in _words(text):
            bits[piece] = bits.get(piece, 0) | (bit(kind) if kind else 0)
    return bits, re.compile("|".join(map(re.escape, sorted(bits, key=lambda piece: (-len(piece), piece)))))


def said_unspaced(text: str) -> int:
    """The bits of the kinds that pieces of a plain text in such a script speak for."""
    bits, pattern = _pieces()
    kind = 0
    for piece in pattern.findall(text):
        kind |= bits[piece]
    first_bits, first = _first_pieces()
    if found := first.match(text.lstrip()):
        kind |= first_bits[found[0]]
    return kind | (bit("asks") if _asking().search(text) else 0)
