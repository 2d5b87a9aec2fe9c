"""What people say without telling anything: thanks, yes, hello, laughter; lists of words, language by language. Pure.

Words are compared as `told` leaves them: in small letters, without accents and vowel signs. Languages that are not
listed lose little: there, what is short and answers no question is no answer either (`tuner.stages.answering`).
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 14  # words of a courtesy; longer ones tell something
LONGEST_UNSPACED = 28  # letters of one in a script without spaces

# Agreement that is none, even as an answer: it only says that something was read.
NOISE = """
ok okay okey okej oke k kk kay ок окей оке кк おk オッケー 오케이 ㅇㅋ โอเค اوكي اوك ओके οκ hm hmm mhm mm
lol w lmao lmfao rofl xd xdd mdr ptdr jaja kek lul omg wow лол кек 笑 草 233 ว้าว 哦 嗯 嗯嗯 啊 呃
"""
CORE = {
    "en": """thanks|thank|thank you|thx|ty|tysm|cheers|yes|yeah|yep|yup|yea|sure|right|true|cool|great|nice|awesome|
        perfect|alright|fine|excellent|brilliant|amazing|good morning|good night|good evening|good afternoon|gn|gm|hi|
        hello|hey|bye|cya|see you|same|agreed|agree|exactly|indeed|totally|definitely|absolutely|np|no problem|
        no worries|you're welcome|youre welcome|welcome|gotcha|got it|i see|will do|sorry|of course|makes sense|
        fair enough|good point|sounds good|my bad|no idea|idk|appreciated|much appreciated|appreciate it|will try|
        good luck|well done|congrats|congratulations|no|nope|nah|this|oh|ah|aha|yay|oops|ugh|nvm|never mind""",
    "de": """danke|dankeschön|danke schön|vielen dank|herzlichen dank|tausend dank|ja|jo|jap|jep|gut|alles klar|super|
        genau|stimmt|hallo|moin|guten morgen|guten tag|guten abend|gute nacht|tschüss|bitte|gern|gerne|verstanden|toll|
        prima|einverstanden|klar|passt|nein|nee|ach so|achso|kein problem|sehr gut|richtig""",
    "fr": """merci|oui|ouais|d'accord|daccord|bonjour|salut|bonsoir|bonne nuit|bonne journée|au revoir|exactement|
        parfait|de rien|compris|bien sûr|ça marche|génial|non|coucou|pas de souci|c'est bon""",
    "es": """gracias|muchas gracias|mil gracias|sí|si|vale|bueno|claro|hola|buenos días|buenas|buenas tardes|
        buenas noches|adiós|de nada|perfecto|exacto|entendido|genial|de acuerdo|igualmente|no|listo|por supuesto|
        muy bien|así es""",
    "pt": """obrigado|obrigada|valeu|vlw|sim|beleza|blz|claro|olá|oi|bom dia|boa tarde|boa noite|tchau|de nada|perfeito|
        exato|entendi|concordo|legal|com certeza|não|isso|muito bem|tudo bem|certo""",
    "it": """grazie|sì|va bene|ciao|buongiorno|buonasera|buonanotte|certo|perfetto|prego|esatto|d'accordo|capito|
        di niente|no|bene|giusto|ottimo""",
    "nl": "dank|dank je|dank je wel|dankjewel|bedankt|ja|oké|goed|hoi|doei|precies|klopt|graag gedaan|top|nee|prima",
    "pl": """dzięki|dziękuję|tak|dobra|dobrze|cześć|hej|dzień dobry|dobranoc|zgoda|jasne|spoko|nie ma za co|nie|
        rozumiem|dokładnie""",
    "cs": "díky|děkuji|děkuju|ano|jo|dobře|ahoj|čau|jasně|přesně|ne",
    "tr": """teşekkürler|teşekkür ederim|sağol|sağ ol|evet|tamam|merhaba|selam|günaydın|iyi geceler|tabii|olur|
        eyvallah|hayır|anladım""",
    "id": """terima kasih|makasih|iya|ya|baik|halo|hai|selamat pagi|selamat siang|selamat malam|setuju|sip|siap|
        betul|tidak|sama-sama""",
    "vi": "cảm ơn|cám ơn|vâng|dạ|ừ|được|chào|xin chào|đồng ý|đúng rồi|đúng|không có gì",
    "nordic": "tack|tack så mycket|tak|mange tak|takk|tusen takk|ja|hej|hei|exakt|precis|bra|nej|nei|kiitos|joo|kyllä",
    "ro": "mulțumesc|mersi|da|bine|bună|salut|exact|nu",
    "hu": "köszönöm|köszi|igen|oké|szia|rendben|persze|nem",
    "ru": """спасибо|спс|пасиб|благодарю|да|хорошо|ладно|понял|поняла|понятно|ясно|привет|здравствуйте|пока|согласен|
        согласна|точно|угу|ага|добрый день|доброе утро|добрый вечер|спокойной ночи|пожалуйста|не за что|нет|
        отлично|круто|супер|договорились""",
    "uk": "дякую|так|добре|гаразд|привіт|згоден|згодна|ні|будь ласка|зрозуміло",
    "el": "ευχαριστώ|ναι|εντάξει|γεια|καλημέρα|καληνύχτα|όχι|παρακαλώ",
    "ar": """شكرا|شكرا جزيلا|شكرا لك|نعم|أجل|ايوه|حسنا|تمام|طيب|مرحبا|السلام عليكم|وعليكم السلام|صباح الخير|مساء الخير|
        أهلا|اهلا|صحيح|أتفق|اتفق|لا|عفوا|ممتاز""",
    "fa": "ممنون|مرسی|بله|آره|باشه|سلام|خوب|درسته|نه",
    "he": "תודה|תודה רבה|כן|סבבה|שלום|בסדר|היי|לא|נכון|מעולה",
    "hi": """धन्यवाद|शुक्रिया|हाँ|हां|जी|ठीक है|ठीक|अच्छा|नमस्ते|सही|बिल्कुल|नहीं|सहमत|dhanyavaad|shukriya|haan|theek hai|
        accha""",
    "bn": "ধন্যবাদ|হ্যাঁ|ঠিক আছে|আচ্ছা|নমস্কার|না",
    "ta": "நன்றி|ஆமாம்|ஆம்|சரி|வணக்கம்|இல்லை",
    "ko": """감사합니다|감사해요|감사|고마워|고마워요|고맙습니다|네|넵|넹|예|응|ㅇㅇ|ㄱㅅ|안녕하세요|안녕|알겠습니다|
        알겠어요|알겠어|맞아요|맞아|맞습니다|그래요|그래|좋아요|좋아|좋네요|아니요|아니|수고하세요|동의합니다""",
}
AROUND = """
you u so very much a lot all for the help that your i it me too and man guys everyone bro dude mate again then well
really there my pleasure to just anyway anyways to hear buddy friend sir one bit ton so thats its have great day
dir euch ihnen vielen lieben liebe ganz für die das die hilfe sehr auch dann mal schön viel vielmals na und
beaucoup bien vous toi pour aide ton votre l très tout le monde et
muchas muchos muchísimas por la ayuda a todos tu su y muy ti te usted
muito muita mesmo pela ajuda por a todos você e pra
mille molto per aiuto tutti l e
wel voor de hulp hoor
bardzo wielkie za pomoc
çok için yardım
banyak kak bang atas bantuannya
bạn nhiều anh chị ạ nhé
så mycket
большое огромное вам тебе за помощь очень всем и ну
πολύ πολυ σου σας
جزيلا لك لكم كثيرا جدا على المساعدة
רבה לך על העזרה
बहुत आपका है मदद के लिए जी
정말 진짜 너무 도와줘서 도움 다
"""
UNSPACED_CORE = """
谢谢|謝謝|多谢|多謝|感谢|感謝|好的|好|行|对|對|是的|是|可以|你好|您好|大家好|早|早上好|早安|晚安|再见|再見|拜拜|没事|不客气|明白|收到|知道了|
懂了|了解|厉害|牛|赞|同意|没问题|不是|辛苦了|不错|原来如此|
ありがとうございます|ありがとうございました|ありがとう|ありがと|どうも|了解|りょうかい|はい|うん|ええ|そうですね|そうだね|そう|なるほど|おはようございます|
おはよう|こんにちは|こんばんは|おやすみ|おやすみなさい|お疲れ様|おつかれ|わかりました|分かりました|いいですね|いいね|同意|いいえ|すごい|確かに|たしかに|助かりました|助かります|どういたしまして|
ขอบคุณ|ขอบใจ|ใช่|ได้|สวัสดี|ดี|จริง|เห็นด้วย|ไม่เป็นไร|บาย|เข้าใจ|ไม่|ยินดี|เยี่ยม|ราตรีสวัสดิ์|ครับ|ค่ะ|คะ|จ้า|จ้ะ|
ຂອບໃຈ|ເຈົ້າ|ສະບາຍດີ|អរគុណ|បាទ|ចាស|សួស្តី|ကျေးဇူးတင်ပါတယ်|ဟုတ်ကဲ့|ဟုတ်
"""
UNSPACED_AROUND = """
啊|了|呀|哦|吧|呢|的|你|您|大家|啦|嘛|非常|太|很|们|
です|ます|ました|でした|ね|よ|な|ー|っ|本当に|とても|さん|皆|
นะ|มาก|ๆ|แล้ว|เลย|จ๊ะ|ฮะ|พี่|เพื่อน|ทุกคน
"""
# Praise of whoever helped: whom, and within two words what they are. A clause that begins so tells nothing else.
PRAISE = {
    "en": (
        "you are|you're|youre|you were|u are|ur|that's|that is|that was",
        """saint|saints|star|stars|legend|legends|hero|heroes|lifesaver|life saver|genius|geniuses|angel|angels|
        the best|gem|treasure|wizard|godsend|so kind|very kind|so sweet|wonderful|brilliant|lovely of you|
        kind of you""",
    ),
    "de": (
        "du bist|ihr seid|sie sind|das ist|das war",
        """schatz|held|heldin|helden|engel|retter|retterin|lebensretter|genie|legende|der beste|die beste|die besten|
        ein goldstück|so lieb|sehr lieb|lieb von dir|nett von dir""",
    ),
    "fr": (
        "tu es|t'es|vous êtes|c'est",
        """ange|génie|amour|perle|héros|héroïne|le meilleur|la meilleure|les meilleurs|sauveur|
        trop gentil|adorable|très gentil""",
    ),
    "es": (
        "eres|sois|es usted|son ustedes|qué",
        "santo|santa|ángel|genio|genia|crack|héroe|heroína|un sol|el mejor|la mejor|los mejores|muy amable|salvavidas",
    ),
    "pt": (
        "você é|voce é|vc é|tu és|vocês são|és",
        "anjo|gênio|génio|herói|heroína|santo|santa|lenda|o cara|o melhor|a melhor|os melhores|fera|muito gentil",
    ),
    "it": (
        "sei|siete|lei è",
        "angelo|genio|santo|santa|eroe|mito|un grande|il migliore|la migliore|un tesoro|gentilissimo",
    ),
    "ru": (
        "ты|вы",
        "гений|гении|ангел|герой|герои|святой|святая|лучший|лучшая|лучшие|чудо|волшебник|спас|спасла|спасли|молодец",
    ),
    "ar": ("أنت|انت|أنتم|أنتِ", "ملاك|بطل|بطلة|عبقري|عبقرية|رائع|رائعة|الأفضل|منقذي|كريم"),
    "hi": ("आप|तुम", "देवदूत|हीरो|महान|कमाल|फ़रिश्ते|फरिश्ते|सबसे अच्छे|जीनियस"),
    "ko": (
        "정말|진짜|완전|당신은|역시",
        "천사예요|천사네요|천사|은인이에요|은인|최고예요|최고네요|최고다|최고|구세주|영웅|감동이에요",
    ),
}
UNSPACED_PRAISE = (
    ("你|您|妳|你们|真", "天使|救星|大神|英雄|天才|大好人|活菩萨|太好了"),
    ("まじ|マジ|ほんと|本当に|あなたは|さすが", "神です|神だ|神|天使|命の恩人|感動しました|感激です"),
    ("คุณ|พี่|เธอ", "นางฟ้า|ฮีโร่|เทวดา|สุดยอด|อัจฉริยะ|ใจดี"),
)
GLADNESS = """
i'm moved|i am moved|im moved|i'm touched|i'm speechless|i'm so grateful|i'm so glad|i'm so happy|i'm relieved|
i'm so relieved|i owe you|you saved my|you saved me|you just saved|you made my|much obliged|bless you|ich bin gerührt|
ich bin sprachlos|ich bin so froh|du hast mir das leben|du hast mich gerettet|me has salvado|te debo una|
estoy conmovido|estoy conmovida|estoy emocionado|estoy emocionada|tu me sauves|je te dois|je suis ému|je suis émue|
me salvou|você me salvou|te devo uma|estou emocionado|estou emocionada|mi hai salvato|я тронут|я тронута|нет слов|
你救了我|救了我|太感动了|助かりすぎ|감동받았어요|살았어요|أنقذتني|शब्द नहीं हैं|ซึ้งใจ|ช่วยชีวิต
"""
# Of signs that laugh, as many as one likes, as `told` leaves them: haha, jajaja, 哈哈哈, 555, kkk, www.
LAUGHTER = re.compile(
    r"[ha]{3,}|[he]{4,}|[hi]{4,}|[ho]{4,}|[ja]{4,}|[je]{4,}|[ji]{4,}|[ха]{3,}|[хе]{4,}|[хи]{4,}|(?:rs){2,}|w{2,}|"
    r"5{3,}|[哈呵嘿嘻]{2,}|[\u110f\u1112]+|[하히헤호]{2,}|ه{3,}|[הח]{3,}|[हा]{2,}|[ハは]{3,}|ฮาๆ+|(?:ฮา){2,}|[xd]{2,}|"
    r"([^\W\d])\1{2,}"
)


# Words of thanks begin so, as `told` leaves them.
THANKS = """
thank|thx|tysm|cheers|danke|dank|merci|gracias|obrigad|valeu|vlw|grazie|bedankt|dzięk|děkuj|díky|teşekkür|sağol|sağ ol|
terima kasih|makasih|cảm ơn|cám ơn|tack|takk|kiitos|mulțumesc|mersi|köszön|köszi|спасиб|спс|благодар|дякую|ευχαριστ|
شكر|ممنون|תודה|धन्यवाद|शुक्रिया|감사|고마|고맙|ㄱㅅ
"""
UNSPACED_THANKS = "谢谢|謝謝|多谢|多謝|感谢|感謝|谢啦|谢了|ありがと|助かりました|助かった|ขอบคุณ|ขอบใจ"


def told(text: str) -> str:
    """A text as courtesies are compared: small letters, no marks on them."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    if text.isascii():
        return text
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c)[0] != "M")
    return unicodedata.normalize("NFC", bare)


def _listed(*lists: str) -> list[str]:
    """The phrases of lists, the longest first, so that none hides behind its beginning."""
    phrases = {" ".join(told(phrase).split()) for one in lists for phrase in one.split("|")} - {""}
    return sorted(phrases, key=lambda phrase: (-len(phrase), phrase))


def _any_of(phrases: list[str]) -> str:
    return "|".join(map(re.escape, phrases))


_DRAWN_OUT = re.compile(r"([^\W\d])\1{2,}")  # sooo
_NOISE = frozenset(told(NOISE).split())
_AROUND = frozenset(told(AROUND).split())
_CORE = re.compile(rf"(?<!\w)(?:{_any_of(_listed(*CORE.values()))})(?!\w)")
_UNSPACED = re.compile(_any_of(_listed(UNSPACED_CORE)))
_THANKS = re.compile(rf"(?<!\w)(?:{_any_of(_listed(THANKS))})|{_any_of(_listed(UNSPACED_THANKS))}")
_PRAISE = re.compile(
    "|".join(
        [
            rf"(?:\w+ )?(?:{_any_of(_listed(whom))})(?: \w+){{0,2}}? (?:{_any_of(_listed(what))})(?!\w)"
            for whom, what in PRAISE.values()
        ]
        + [
            rf"(?:{_any_of(_listed(whom))})\w{{0,3}}?(?:{_any_of(_listed(what))})"
            for whom, what in UNSPACED_PRAISE
        ]
        + [rf"(?:\w+ )?(?:{_any_of(_listed(GLADNESS))})(?!\w)"]
    )
)
_UNSPACED_AROUND = re.compile(_any_of(_listed(UNSPACED_AROUND)))


def thanks(text: str) -> bool:
    """Whether there are thanks or praise in a text, as `told`."""
    return (_THANKS.search(text) or _PRAISE.search(text)) is not None


def is_noise(clause: str) -> bool:
    """Whether a clause without punctuation, as `told`, is nothing but laughter and "ok"."""
    return all(map(_is_noise, clause.split()))


def is_courtesy(clause: str) -> bool:
    """Whether a clause without punctuation, as `told`, thanks, praises, greets or agrees and does nothing else."""
    words = [_DRAWN_OUT.sub(r"\1", word) for word in clause.split() if not _is_noise(word)]
    if not words:
        return True
    if len(words) > LONGEST:
        return False
    if _PRAISE.match(clause):
        return True
    rest, found = _CORE.subn(" ", " ".join(words))
    if not rest.isascii() and len(rest) <= LONGEST_UNSPACED:
        rest, more = _UNSPACED.subn(" ", rest)
        rest, found = _UNSPACED_AROUND.sub(" ", rest) if found + more else rest, found + more
    return found > 0 and all(word in _AROUND or _is_noise(word) for word in rest.split())


def _is_noise(word: str) -> bool:
    return word in _NOISE or LAUGHTER.fullmatch(word) is not None or _DRAWN_OUT.sub(r"\1", word) in _NOISE
