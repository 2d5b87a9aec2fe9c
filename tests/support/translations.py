"""The same invented talks in eleven languages: four, then two that recall earlier ones, and two that only seem to."""

from tests.support.exports import Said, joined

TALKS: dict[str, list[list[str]]] = {
    "en": [
        ["Does anybody know how to repair a dripping tap?", "Turn off the water first, then replace the washer inside.", "Which size do I need for an old kitchen tap?", "Half an inch fits nearly every kitchen tap, take the old one along."],
        ["When does the market on the square open tomorrow?", "At seven, but the bread is usually gone by nine.", "Can one pay by card there?", "Only at the cheese stall, everybody else wants cash."],
        ["My bicycle chain keeps jumping off, what could it be?", "Probably the derailleur is bent, look at it from behind.", "It really does lean to the left.", "Then bring it on Saturday, we have the tool to straighten it."],
        ["Who has the key to the workshop this weekend?", "I left the workshop key with the neighbour on the ground floor.", "Is she at home in the morning?", "Until eleven, after that she walks the dog."],
        ["Do you remember which size a kitchen tap needs?", "Half an inch, that fits nearly everywhere."],
        ["Does anyone remember who has the key to the workshop?", "The neighbour on the ground floor got it from me."],
        ["Do you remember the market on the square?", "Congratulations, what a lovely question!"],
        ["Remember to take out the rubbish tonight!", "The neighbour on the ground floor does that already."],
    ],
    "de": [
        ["Weiß jemand, wie man einen tropfenden Wasserhahn repariert?", "Zuerst das Wasser abdrehen, dann die Dichtung innen ersetzen.", "Welche Größe brauche ich für einen alten Küchenhahn?", "Ein halber Zoll passt an fast jeden Küchenhahn, nimm die alte mit."],
        ["Wann öffnet morgen der Markt auf dem Platz?", "Um sieben, aber das Brot ist meist um neun weg.", "Kann man dort mit Karte zahlen?", "Nur am Käsestand, alle anderen wollen Bargeld."],
        ["Meine Fahrradkette springt dauernd ab, woran liegt das?", "Wahrscheinlich ist das Schaltwerk verbogen, schau es von hinten an.", "Es neigt sich wirklich nach links.", "Dann bring es am Samstag vorbei, wir haben das Werkzeug zum Richten."],
        ["Wer hat dieses Wochenende den Schlüssel zur Werkstatt?", "Den Schlüssel der Werkstatt habe ich bei der Nachbarin im Erdgeschoss gelassen.", "Ist sie morgens zu Hause?", "Bis elf, danach führt sie den Hund aus."],
        ["Weißt du noch, welche Größe ein Küchenhahn braucht?", "Einen halben Zoll, das passt fast immer."],
        ["Erinnert sich jemand, wer den Schlüssel der Werkstatt hat?", "Die Nachbarin im Erdgeschoss hat ihn von mir."],
        ["Erinnert ihr euch an den Markt auf dem Platz?", "Glückwunsch, was für eine schöne Frage!"],
        ["Erinnere dich daran, heute den Müll rauszubringen!", "Das macht schon die Nachbarin im Erdgeschoss."],
    ],
    "es": [
        ["¿Alguien sabe cómo reparar un grifo que gotea?", "Primero cierra el agua y luego cambia la junta de dentro.", "¿Qué medida necesito para un grifo de cocina antiguo?", "Media pulgada sirve para casi cualquier grifo de cocina, llévate la vieja."],
        ["¿A qué hora abre mañana el mercado de la plaza?", "A las siete, pero el pan se acaba antes de las nueve.", "¿Se puede pagar con tarjeta allí?", "Solo en el puesto de quesos, los demás quieren efectivo."],
        ["La cadena de mi bicicleta se sale siempre, ¿qué será?", "Seguramente el cambio está doblado, míralo desde atrás.", "Es verdad que se inclina a la izquierda.", "Entonces tráela el sábado, tenemos la herramienta para enderezarlo."],
        ["¿Quién tiene la llave del taller este fin de semana?", "Dejé la llave del taller con la vecina de la planta baja.", "¿Está en casa por la mañana?", "Hasta las once, después pasea al perro."],
        ["¿Te acuerdas de la medida que necesita un grifo de cocina?", "Media pulgada, con eso basta casi siempre."],
        ["¿Alguien recuerda quién tiene la llave del taller?", "La vecina de la planta baja la tiene desde ayer."],
        ["¿Te acuerdas del mercado de la plaza?", "¡Felicidades, qué pregunta tan bonita!"],
        ["¡Recuerda sacar la basura esta noche!", "Eso ya lo hace la vecina de la planta baja."],
    ],
    "pt": [
        ["Alguém sabe como consertar uma torneira que pinga?", "Primeiro feche a água e depois troque o vedante de dentro.", "Que medida preciso para uma torneira de cozinha antiga?", "Meia polegada serve em quase toda torneira de cozinha, leve a velha junto."],
        ["A que horas abre amanhã a feira da praça?", "Às sete, mas o pão costuma acabar antes das nove.", "Dá para pagar com cartão?", "Só na banca do queijo, o resto quer dinheiro."],
        ["A corrente da minha bicicleta vive caindo, o que será?", "Deve ser o câmbio torto, olhe por trás.", "Está mesmo inclinado para a esquerda.", "Então traga no sábado, temos a ferramenta para endireitar."],
        ["Quem está com a chave da oficina neste fim de semana?", "Deixei a chave da oficina com a vizinha do térreo.", "Ela está em casa de manhã?", "Até as onze, depois passeia com o cachorro."],
        ["Você lembra que medida precisa uma torneira de cozinha?", "Meia polegada, serve quase sempre."],
        ["Alguém se lembra quem está com a chave da oficina?", "A vizinha do térreo ficou com ela."],
        ["Você lembra da feira da praça?", "Parabéns, que pergunta bonita!"],
        ["Lembre-se de tirar o lixo hoje à noite!", "Isso a vizinha do térreo já faz."],
    ],
    "ru": [
        ["Кто-нибудь знает, как починить капающий кран?", "Сначала перекрой воду, потом замени прокладку внутри.", "Какой размер нужен для старого кухонного крана?", "Полдюйма подходит почти ко всем кухонным кранам, возьми старую с собой."],
        ["Во сколько завтра открывается рынок на площади?", "В семь, но хлеб обычно кончается к девяти.", "Там можно платить картой?", "Только у сырного прилавка, остальные хотят наличные."],
        ["У меня всё время слетает цепь велосипеда, в чём дело?", "Наверное, погнут переключатель, посмотри сзади.", "Он правда клонится влево.", "Тогда приноси в субботу, у нас есть инструмент для правки."],
        ["У кого в эти выходные ключ от мастерской?", "Я оставил ключ от мастерской у соседки на первом этаже.", "Она утром дома?", "До одиннадцати, потом гуляет с собакой."],
        ["Помнишь, какой размер нужен для кухонного крана?", "Полдюйма, это подходит почти всегда."],
        ["Кто-нибудь помнит, у кого ключ от мастерской?", "Соседка на первом этаже забрала его."],
        ["Помните рынок на площади?", "Поздравляю, какой чудесный вопрос!"],
        ["Не забудь, помни, что надо вынести мусор!", "Соседка на первом этаже уже вынесла."],
    ],
    "hi": [
        ["क्या किसी को पता है कि टपकता नल कैसे ठीक करते हैं?", "पहले पानी बंद करो, फिर अंदर का वॉशर बदल दो।", "पुराने रसोई के नल के लिए कौन सा आकार चाहिए?", "आधा इंच रसोई के लगभग हर नल में लगता है, पुराना वॉशर साथ ले जाओ।"],
        ["कल चौक का बाज़ार कितने बजे खुलता है?", "सात बजे, लेकिन रोटी नौ से पहले खत्म हो जाती है।", "क्या वहाँ कार्ड से भुगतान हो सकता है?", "सिर्फ़ पनीर वाली दुकान पर, बाकी सब नकद लेते हैं।"],
        ["मेरी साइकिल की चेन बार-बार उतरती है, क्या वजह होगी?", "शायद गियर मुड़ गया है, पीछे से देखो।", "सच में बाईं ओर झुका हुआ लगता है।", "तो शनिवार को ले आओ, सीधा करने का औज़ार हमारे पास है।"],
        ["इस सप्ताहांत कार्यशाला की चाबी किसके पास है?", "मैंने कार्यशाला की चाबी निचली मंज़िल वाली पड़ोसन को दे दी।", "क्या वह सुबह घर पर रहती है?", "ग्यारह बजे तक, उसके बाद कुत्ता टहलाती है।"],
        ["क्या तुम्हें याद है रसोई के नल के लिए कौन सा आकार चाहिए?", "आधा इंच, वह लगभग हर जगह लगता है।"],
        ["किसी को याद है कार्यशाला की चाबी किसके पास है?", "निचली मंज़िल वाली पड़ोसन के यहाँ रखी है।"],
        ["क्या आपको याद है चौक का बाज़ार?", "बधाई हो, कितना सुंदर सवाल!"],
        ["आज रात कूड़ा बाहर निकालना याद रखना!", "वह निचली मंज़िल वाली पड़ोसन पहले से करती है।"],
    ],
    "zh": [
        ["有人知道怎么修滴水的水龙头吗", "先关掉总阀再把里面的垫圈换掉", "旧的厨房水龙头要用多大的", "厨房水龙头半英寸的基本都能用把旧的带去对比"],
        ["广场上的集市明天几点开门", "七点不过面包一般九点前就卖完了", "那里可以刷卡吗", "只有奶酪摊可以其他都要现金"],
        ["我的自行车链条老是掉是什么问题", "多半是变速器弯了从后面看一下", "确实往左边歪了", "那周六带过来我们有校正的工具"],
        ["这个周末谁有工作室的钥匙", "工作室的钥匙我放在一楼的邻居那里了", "她早上在家吗", "十一点之前在之后她要去遛狗"],
        ["你还记得厨房水龙头要用多大的吗", "半英寸的哪里都能装"],
        ["有人记得谁有工作室的钥匙吗", "一楼的邻居早上拿走了"],
        ["你还记得广场上的集市吗", "恭喜恭喜多么美好的问题"],
        ["今晚记得把垃圾拿出去", "一楼的邻居已经拿走了"],
    ],
    "ja": [
        ["水漏れする蛇口の直し方を知っている人いますか", "まず元栓を閉めてから中のパッキンを交換してください", "古い台所の蛇口だとどのサイズですか", "台所の蛇口なら半インチがほとんど合いますが古いのを持って行くと確実です"],
        ["広場の市場は明日何時に開きますか", "七時ですがパンはだいたい九時にはなくなります", "カードは使えますか", "チーズの店だけで他は現金です"],
        ["自転車のチェーンがよく外れるのは何が原因でしょう", "たぶん変速機が曲がっているので後ろから見てみて", "本当に左に傾いています", "それなら土曜日に持って来てください直す工具があります"],
        ["今週末は誰が工房の鍵を持っていますか", "工房の鍵は一階の隣の人に預けました", "朝は家にいますか", "十一時までいてその後は犬の散歩です"],
        ["台所の蛇口のサイズを覚えていますか", "半インチですほとんどの場所で合います"],
        ["誰が工房の鍵を持っているか覚えている人いますか", "一階の隣の人が預かっています"],
        ["広場の市場を覚えていますか", "おめでとうございます素敵な質問ですね"],
        ["今夜ゴミを出すのを覚えておいてください", "一階の隣の人がもう出しました"],
    ],
    "ko": [
        ["물이 새는 수도꼭지를 고치는 법 아시는 분 있나요", "먼저 물을 잠그고 안에 있는 패킹을 바꾸세요", "오래된 부엌 수도꼭지는 어떤 크기인가요", "부엌 수도꼭지는 반 인치면 거의 다 맞아요 헌 것을 가져가세요"],
        ["광장 시장은 내일 몇 시에 여나요", "일곱 시인데 빵은 아홉 시면 다 팔려요", "카드로 계산할 수 있나요", "치즈 가게만 되고 나머지는 현금이에요"],
        ["자전거 체인이 자꾸 빠지는데 왜 그럴까요", "변속기가 휜 것 같아요 뒤에서 한번 보세요", "정말 왼쪽으로 기울어 있네요", "그럼 토요일에 가져오세요 펴는 공구가 있어요"],
        ["이번 주말에 작업실 열쇠 누가 갖고 있나요", "작업실 열쇠는 일층 이웃에게 맡겨 두었어요", "아침에 집에 계신가요", "열한 시까지 계시고 그 뒤에는 개 산책을 가세요"],
        ["부엌 수도꼭지 크기 기억나세요?", "반 인치였어요 거의 어디나 맞아요"],
        ["작업실 열쇠를 누가 갖고 있는지 기억하는 사람 있나요", "일층 이웃이 아직 보관하고 있어요"],
        ["광장 시장 기억나세요?", "축하합니다 정말 아름다운 질문이네요"],
        ["오늘 밤 쓰레기 버리는 거 꼭 기억해 두세요", "일층 이웃이 벌써 버렸어요"],
    ],
    "th": [
        ["มีใครรู้วิธีซ่อมก๊อกน้ำหยดบ้าง", "ปิดวาล์วก่อนแล้วเปลี่ยนแหวนยางข้างใน", "ก๊อกครัวเก่าใช้ขนาดไหน", "ก๊อกครัวเก่าครึ่งนิ้วใส่ได้เกือบทุกตัวเอาของเก่าไปเทียบด้วย"],
        ["ตลาดที่จัตุรัสพรุ่งนี้เปิดกี่โมง", "เจ็ดโมงแต่ขนมปังมักหมดก่อนเก้าโมง", "จ่ายด้วยบัตรได้ไหม", "ได้แค่ร้านชีสร้านอื่นรับแต่เงินสด"],
        ["โซ่จักรยานหลุดบ่อยเป็นเพราะอะไร", "น่าจะตีนผีงอลองดูจากข้างหลัง", "มันเอียงซ้ายจริงด้วย", "งั้นเอามาวันเสาร์เรามีเครื่องมือดัด"],
        ["สุดสัปดาห์นี้ใครมีกุญแจห้องช่าง", "กุญแจห้องช่างฝากไว้กับเพื่อนบ้านชั้นล่างแล้ว", "ตอนเช้าเขาอยู่บ้านไหม", "อยู่ถึงสิบเอ็ดโมงหลังจากนั้นพาหมาไปเดิน"],
        ["จำได้ไหมว่าก๊อกครัวใช้ขนาดไหน", "ครึ่งนิ้วใส่ได้แทบทุกที่"],
        ["มีใครจำได้บ้างว่ากุญแจห้องช่างอยู่กับใคร", "เพื่อนบ้านชั้นล่างเก็บเอาไว้ให้"],
        ["จำตลาดที่จัตุรัสได้ไหม", "ยินดีด้วยนะคำถามน่ารักมาก"],
        ["คืนนี้จำไว้ว่าต้องทิ้งขยะ", "เพื่อนบ้านชั้นล่างทิ้งไปแล้ว"],
    ],
    "ar": [
        ["هل يعرف أحد كيف أصلح صنبورا يقطر", "أغلق الماء أولا ثم بدل الجلدة التي في الداخل", "ما المقاس الذي أحتاجه لصنبور مطبخ قديم", "لصنبور المطبخ نصف بوصة تناسب أغلبها وخذ القديمة معك"],
        ["متى يفتح السوق في الساحة غدا", "في السابعة لكن الخبز ينفد قبل التاسعة", "هل يمكن الدفع بالبطاقة هناك", "عند بائع الجبن فقط والباقون يريدون نقدا"],
        ["سلسلة دراجتي تسقط دائما فما السبب", "ربما ناقل الحركة معوج انظر إليه من الخلف", "إنه يميل إلى اليسار فعلا", "أحضرها يوم السبت فلدينا أداة لتعديله"],
        ["من معه مفتاح الورشة في نهاية الأسبوع", "مفتاح الورشة تركته عند الجارة في الطابق الأرضي", "هل تكون في البيت صباحا", "حتى الحادية عشرة ثم تخرج مع الكلب"],
        ["هل تتذكر المقاس لصنبور المطبخ؟", "نصف بوصة وهي تناسب كل شيء تقريبا"],
        ["هل يذكر أحد من معه مفتاح الورشة؟", "الجارة في الطابق الأرضي أخذته مني"],
        ["هل تتذكر السوق في الساحة؟", "مبروك يا له من سؤال جميل"],
        ["تذكر أن تخرج القمامة الليلة", "الجارة في الطابق الأرضي أخرجتها"],
    ],
}  # fmt: skip

CALLS = 2  # that help: the fifth and the sixth talk's; the answers of the last two lean on nothing, or nobody recalls
_PAIRS = (("Mika", "Jonas"), ("Priya", "Oleg"))


def server_in(language: str) -> list[Said]:
    """The talks of a language in one channel, a day apart; each message replies to the one before."""
    return joined(
        [
            Said(_PAIRS[n % 2][i % 2], text, 0.7 if i else 1200, i - 1 if i else None)
            for i, text in enumerate(talk)
        ]
        for n, talk in enumerate(TALKS[language])
    )
