"""How people ask about earlier talk, language by language, and the words that say nothing of what they ask. Data.

`asks` ask by themselves ("do you remember…"); `recalls` do in a sentence that asks, which a question mark shows, or
`question`. Both are looked for in one sentence at a time, casefolded, with Arabic letters in their plain forms, so
that a gap needs no end but its length. `common` are words of no use to a search; in scripts that put no spaces
between words they are cut out wherever they stand.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """One language's phrases, as regular expressions, and its commonest words."""

    asks: tuple[str, ...]
    recalls: tuple[str, ...]
    question: str
    common: str


EN_SAID = r"(?:mentioned|said|told (?:me|us|(?:\w+ ){1,2}about)|talked about|posted|recommended|suggested|wrote|shared|linked|showed|brought up)"
EN_PAST = (
    r"(?:last (?:week|month|time|year|night|spring|summer|autumn|fall|winter)|the other (?:day|week|night)|a while (?:ago|back)"
    r"|(?:minute|hour|day|week|month|year)s? ago|earlier|back then|yesterday)"
)
ENGLISH = Language(
    asks=(
        r"\b(?:do|does|did|can|could|don't|didn't) (?:you|u|ya|we|any ?one|any ?body|some ?one|some ?body|any of you)"
        r"(?: (?:guys|folks|all|still|even|also|here|happen to|by any chance)){0,3} (?:remember|recall)\b"
        r"(?! to\b| (?:that )?(?:you|we) (?:must|should|need|have to))",
        r"^(?:\W|hey|hi|so|and|but|hm++|does){0,12}+\b(?:any ?one|any ?body)(?: (?:here|still|else)){0,2} (?:remember|recall)s?\b(?! to\b)",
        r"\bwhat did (?!i\b|this\b|that\b|it\b).{1,60} (?:say|recommend|suggest|mention)\b",
        r"\bwh(?:at|ich|o|ere|en)(?: one)? (?:was|were) (?:it|that|the|those|his|her|your|our)\b.{0,80}"
        rf"\b(?:again\b\W{{0,3}}$|again with\b|(?:you|he|she|they|we|some ?one|some ?body) (?:\w+ )?{EN_SAID}\b|{EN_PAST}\b)",
        rf"\b(?:you|he|she|they|we|some ?one|some ?body) {EN_SAID}\b.{{0,60}}\b{EN_PAST}\b",
        rf"\bwe (?:talked|spoke|discussed)\b.{{0,40}}\b{EN_PAST}\b",
        r"\bwh(?:ich|at) (?:\w+ ){1,3}did \w+ (?:say|recommend|suggest|mention|tell (?:me|us))\b",
        r"\bwh(?:at|ich|o|ere)\b.{1,60}\b(?:which|that) \w+ (?:told|gave|recommended to|suggested to|showed) (?:me|us)\b",
    ),
    recalls=(
        r"(?<!to )(?<!'ll )(?<!will )(?<!must )(?<!should )(?<!please )(?<!just )(?<!but )(?<!however )(?<!however, )(?<!always )"
        r"\bremember (?:when|that|the|how|what|who|where|which|if|you|we|last)\b",
        r"\b(?:i (?:can't|cannot|don't|can not)(?: quite| really)?|i've) (?:remember|forgotten|forget|recall)\b"
        r".{0,60}\b(?:you|he|she|they|we|some ?one|some ?body) \w+",
        rf"\b(?:you|he|she|they|we|some ?one|some ?body) (?:\w+ )?{EN_SAID}\b",
        r"\bdidn't (?:you|we|he|she|some ?one|some ?body) (?:say|mention|post|recommend|suggest|write|tell)\b",
        r"\bwh(?:at|ich|o|ere|en)(?: \w+){0,3} (?:was|were) (?:it|that|the|those)\b.{0,80}"
        r"\byou (?:\w+ )?(?:used|bought|got|had|made|tried|built|grew|took|found)\b",
        r"\bwhich (?:\w+ ){1,3}(?:was|did you (?:use|buy|get|say|recommend|mean|end up))\b.{0,60}(?:again|for|then|last|back|$)",
        r"\bwhat(?:'s| is| was) (?:that|the|his|her|your) .{1,60} again\W{0,3}$",
    ),
    question=r"^(?:[^\w@]|@\w*+|hey|hi|so|and|but|also|ok|okay|well|hm+){0,8}+(?:what|who|where|when|which|how|why|do|does|did|can|could|has|have"
    r"|is|was|were|are|any ?one|any ?body|didn't|wasn't)\b|, (?:which|what|who|where|when|how)\b|\b(?:no|right|wasn't it|didn't you)\W{0,2}$",
    common="""
    a about after again ago all also am an and any anybody anyone are as at back be been before but by can could
    day days did do does doing don't done earlier else even ever find first for forget forgot from get go got had has
    have he her here hey him his how i i'm i've i'd i'll if in into is isn't it it's its just know last like look
    make maybe me mean mention mentioned month months more much my name need never no not now of off ok old on once
    one only or other our out over people please post posted put question quick quite really recall recalls recommend
    recommended remember remembers right said same say says she so some somebody someone something still such suggest
    suggested sure take talk talked talking tell than thanks that that's the their them then there there's these they
    they're thing things think this those time to told too took tried try trying us use used using very want wanted
    was way we we're we've week weeks well went were what what's when where which while who whose why will with
    won't work works would yeah year yes yet you you'd you'll you're you've your yours can't cannot didn't doesn't
    wasn't couldn't wouldn't shouldn't good great nice actually anyway because bit came come give given going gone
    gonna kind let lot many new people's pretty probably should since somewhere though today tomorrow two under until
    up upon whatever without yesterday lol haha oh hello hi http https www com org
    """,
)

GERMAN = Language(
    asks=(
        r"\b(?:erinner(?:st du dich|t ihr euch|n sie sich)|erinnert sich(?: \w+){0,2} (?:jemand|wer|einer)|(?:kannst|könnt) (?:du dich|ihr euch) .{0,60}erinnern)\b",
        r"\b(?:wei(?:ß|ss)t du|wisst ihr|wissen sie|wei(?:ß|ss)(?: \w+)? (?:jemand|wer|einer))(?: \w+){0,2} noch\b",
        r"\bwei(?:ß|ss) noch (?:jemand|wer|einer)\b",
        r"\bwas (?:hat|hatte|hatten|haben|hast|habt|hattest) .{1,60}(?:gesagt|empfohlen|gemeint|erzählt|vorgeschlagen|geschrieben|erwähnt)\b",
        r"\b(?:wie|was|wer|wo|wann|welche[rsnm]?(?: \w+)?) (?:war|waren|hie(?:ß|ss)(?:en)?) .{0,80}\b(?:nochmal|noch mal|noch einmal|noch gleich|gleich noch|damals)\b",
    ),
    recalls=(
        r"\b(?:du|ihr|er|sie|jemand|wer)\b.{0,20}\b(?:hat(?:te(?:st|t)?)?|hast|habt)\b.{0,60}(?:gesagt|empfohlen|gemeint|erzählt|vorgeschlagen|geschrieben|erwähnt)\b",
        r"\b(?:hat(?:te(?:st|t)?)?|hast|habt) (?:du|ihr|er|sie|nicht)\b.{0,60}(?:gesagt|empfohlen|gemeint|erzählt|vorgeschlagen|geschrieben|erwähnt)\b",
        r"\b(?:letzte[nrsm]? (?:woche|monat|mal|jahr)|letztens|neulich|damals|vor \w+(?: \w+)? (?:tagen|wochen|monaten))\b.{0,60}(?:gesagt|gesprochen|erzählt|empfohlen|erwähnt)\b",
        r"\b(?:den|die|das) du .{0,40}(?:gesagt|empfohlen|erwähnt|benutzt|gekauft|verwendet|gemeint) hast\b",
    ),
    question=r"^(?:[^\w@]|@\w*+|hey|und|aber|also){0,6}+(?:wie|was|wer|wo|wann|warum|welche[rsnm]?|hat|hast|hattest|habt|weißt|weiß|erinnert|erinnerst|war)\b",
    common="""
    aber alle als also am an auch auf aus bei beim bin bis bist da daran damals dann das dass davon dein deine dem
    den denn der des dich die dies diese dieser doch du ein eine einem einen einer eines er es etwas euch euer für
    gab gegen gehabt gemeint gesagt geschrieben gleich habe haben hab hast hat hatte hatten hattest hier hin ich ihm
    ihn ihr ihre im in ins ist ja jede jemand jetzt kann kannst kein keine können letzte letzten letzter letztes mal
    man mehr mein meine mich mir mit muss müssen nach neulich nicht nichts noch nochmal nun nur ob oder ohne schon
    sehr sein seine sich sie sind so soll sollte über um und uns unser unter vom von vor war waren warum was weil
    weiß weißt welche welcher welches wenn wer werden wie wieder wir wird wo woche wochen wohl zu zum zur erinnerst
    erinnert empfohlen erwähnt erzählt heute gestern morgen gerade hieß dieser euch eigentlich bitte danke könnte
    würde wurde einfach genau viel gut
    """,
)

FRENCH = Language(
    asks=(
        r"\b(?:tu te|vous vous|on se|quelqu['’]un se|qui se)(?: \w+)? (?:souvien[st]|souvenez|rappell?es?|rappelez|rappelle)\b(?! (?:de |d['’])\w{2,20}(?:er|ir|re)\b)",
        r"\b(?:te souviens-tu|vous souvenez-vous|te rappelles-tu|vous rappelez-vous|quelqu['’]un (?:se souvient|se rappelle))\b(?! (?:de |d['’])\w{2,20}(?:er|ir|re)\b)",
        r"\bqu['’](?:est-ce qu['’e ]{1,2}|avait |a ).{0,40}(?:dit|recommandé|conseillé|suggéré|proposé|écrit|raconté)\b",
        r"\b(?:c['’]était (?:quoi|qui|où|quand|quel\w*)|(?:quel\w*|comment|qui|où|quand) (?:était|étaient|s['’]appelait)).{0,80}\b(?:déjà|à l['’]époque)",
    ),
    recalls=(
        r"\b(?:tu|vous|il|elle|on|quelqu['’]un) (?:nous |m['’]|l['’])?(?:avais|aviez|avait|as|avez|a) (?:\w+ )?(?:dit|parlé|recommandé|conseillé|mentionné|suggéré|raconté)\b",
        r"\b(?:la dernière fois|la semaine dernière|le mois dernier|l['’]autre jour|il y a \w+ (?:jours|semaines|mois))\b.{0,60}(?:dit|parlé|recommandé|conseillé|mentionné|raconté)\b",
    ),
    question=r"^(?:[^\w@]|@\w*+|et|mais|alors|dis){0,6}+(?:quel\w*|comment|qui|où|quand|pourquoi|est-ce|qu['’]est-ce|c['’]était|combien|quoi)\b",
    common="""
    alors après au aussi aux avait avais avant avec avez avoir bien ce cela ces cet cette chez comme comment conseillé
    dans de déjà depuis dernière dernier des dit donc du elle elles en encore est est-ce et étaient était été être eux
    fait faut fois il ils je jour jours la le les leur lui ma mais me même merci mes moi mois mon ne nos notre nous
    on ont ou où oui par parlé pas peu peut plus pour pourquoi quand que quel quelle quelles quels quelqu'un qui quoi
    rappelle rappelles rappelez recommandé sa sans se sera ses si son sont souviens souvient souvenez sur ta te tes
    toi ton tous tout toute très trop tu un une vos votre vous semaine l'autre c'était qu'est-ce avais suis cette
    """,
)

SPANISH = Language(
    asks=(
        r"\b(?:te ac(?:uerdas|ordás)|se acuerdan|os acordáis|(?:alguien|quién|usted) (?:se acuerda|recuerda)|recuerdas|recordás|recuerdan|recordáis)\b(?! (?:de )?\w{2,20}[aei]r\b)",
        r"\bqué (?:fue lo que )?.{0,30}(?:dijo|dijiste|dijeron|dijisteis|recomendó|recomendaste|sugirió|sugeriste|mencionó|comentó|contó|contaste)\b",
        r"\b(?:cuál|cómo|quién|dónde|cuándo|qué) (?:era|fue|eran|se llamaba) .{0,80}\b(?:aquel(?:la|lo)?|la otra vez|el otro día|la semana pasada)\b",
    ),
    recalls=(
        r"\b(?:dijiste|mencionaste|recomendaste|contaste|comentaste|sugeriste|habías dicho|habías mencionado|habías recomendado|dijisteis)\b",
        r"\b(?:la otra vez|el otro día|la semana pasada|el mes pasado|hace (?:un|una|unos|unas|dos|tres|mucho) ?\w*)\b.{0,60}(?:dijo|dijiste|dijeron|hablamos|hablaron|comentó|recomendó|mencion\w+)\b",
        r"\b(?:alguien|él|ella) (?:dijo|mencionó|recomendó|comentó|sugirió)\b",
    ),
    question=r"^(?:[^\w@]|@\w*+|y|pero|oye|oigan){0,6}+(?:qué|cuál|cómo|quién|dónde|cuándo|cuánto|alguien|que|cual|como|quien|donde)\b",
    common="""
    al algo alguien ahí ahora antes aquel aquella aquello así aún bien como cómo con contra cual cuál cuando cuándo de
    del desde dijo dijiste dijeron dónde donde dos durante el él ella ellas ellos en entonces entre era eran es esa
    esas ese eso esos esta está están estas este esto estos fue gracias ha había habías hace hacer hasta hay hizo la
    las le les lo los llamaba más me mes mencionaste mi mis mucho muy nada no nos nosotros nuestra nuestro o os otra
    otro para pasada pasado pero poco por porque puede qué que quien quién recomendaste recomendó recuerda recuerdas
    recuerdan se sea según semana ser si sí sin sobre solo son su sus también te ti tiempo tiene toda todo todos tu
    tus un una unas uno unos usted vez ya yo acuerda acuerdas acuerdan hablamos día días
    """,
)

PORTUGUESE = Language(
    asks=(
        r"\b(?:você|vc|vocês|vcs|tu|alguém|alguem|quem)(?: ainda| aí)?(?: se| te)? (?:lembra[ms]?|recorda[ms]?)(?:-se|-te)?\b(?! (?:de |d['’])?\w{2,20}[aei]r\b)",
        r"\blembra(?:s-te|m-se|-se|s|m)? (?:quando|d?aquel\w{1,2}|d?o que|qual|quem|onde|como|do nome|da vez)\b",
        r"\bo que (?:é que |foi que )?.{0,40}(?:disse(?:ste|ram)?|falou|falaste|recomendou|recomendaste|sugeriu|mencionou|contou|tinha dito|comentou)\b",
        r"\b(?:qual|como|quem|onde|quando) (?:era|foi|eram|se chamava) .{0,80}\b(?:mesmo|aquel[ea]|da outra vez|semana passada)\b",
    ),
    recalls=(
        r"\b(?:você|vc|vocês|tu|ele|ela|alguém|alguem) (?:\w+ )?(?:disse(?:ste|ram)?|falou|recomendou|sugeriu|mencionou|contou|comentou|tinha (?:dito|falado|recomendado|mencionado))\b",
        r"\b(?:da outra vez|da última vez|outro dia|semana passada|mês passado|há (?:um|uns|umas|dois|duas|três) \w+)\b.{0,60}(?:disse|falou|falamos|recomendou|mencionou|comentou|contou)\b",
    ),
    question=r"^(?:[^\w@]|@\w*+|e|mas|então|oi){0,6}+(?:qual|quais|como|quem|onde|quando|quanto|o que|alguém|alguem|cadê|por que)\b",
    common="""
    agora aí ainda alguém alguem além ao aos antes após aquela aquele aquelas aqueles aquilo aqui as até bem bom chamava
    com como contra da das de dela dele depois desde dia dias disse disseste do dos e ela elas ele eles em então entre
    era eram essa essas esse esses está estão esta estas este estes eu falou foi for há havia isso isto já lá lembra
    lembram lembras lembro lhe mais mas me mesma mesmo mês meu meus minha minhas muito na não nas nem no nos nós nossa
    nosso num numa obrigado o os ou outra outro outros para pela pelo pelos por porque pra pode pois qual quais quando
    quanto que quê quem recomendou recomendaste recorda se sem semana passada passado ser seu seus só sobre sua suas
    também te tem tinha toda todo todos tu tudo um uma umas uns usou vc vcs vez você vocês
    """,
)

ITALIAN = Language(
    asks=(
        r"\b(?:ti ricordi|vi ricordate|si ricorda|(?:qualcuno|nessuno|chi)(?: \w+)? ricorda|ricordi (?:quando|cosa|quale|come|dove|chi|il|la|quel\w*))\b(?! di \w{2,20}[aei]r[ei]?\b)",
        r"\b(?:che )?cosa (?:aveva|ha|avevi|hai|avevano|avete|avevate) .{0,40}(?:detto|consigliato|suggerito|scritto|proposto|raccontato)\b",
        r"\b(?:qual|come|chi|dove|quando|quale) (?:era|erano|si chiamava) .{0,80}\b(?:già|quell[ao]|la volta scorsa|settimana scorsa)\b",
    ),
    recalls=(
        r"\b(?:avevi|hai|avevate|avete|aveva|ha) (?:\w+ )?(?:detto|consigliato|suggerito|menzionato|raccontato|parlato)\b",
        r"\b(?:l['’]altra volta|l['’]altro giorno|la settimana scorsa|il mese scorso|\w+ (?:giorni|settimane|mesi) fa)\b.{0,60}(?:detto|parlato|consigliato|menzionato)\b",
    ),
    question=r"^(?:[^\w@]|@\w*+|e|ma|ciao){0,6}+(?:qual\w*|come|chi|dove|quando|quanto|cosa|che cosa|perché|qualcuno)\b",
    common="""
    adesso agli ai al alla alle allo anche ancora aveva avevi bene che chi ci come con contro cosa cui da dal dalla
    dalle dei del della delle dello detto di dopo dove due e era erano essere fa fare fino fra gli già ha hai hanno ho
    i il in io la le lei li lo loro lui ma me mese mi mia mie mio molto ne nei nel nella no noi non nostra nostro o
    oggi ogni oppure per perché più poi prima può qual quale qualcuno quando quanto quella quelle quelli quello questa
    queste questo ricorda ricordate ricordi se sei senza si sì siamo solo sono sotto su sua sue sul sulla suo suoi
    tra tu tua tuo tutti tutto un una uno vi voi volta settimana scorsa scorso chiamava consigliato
    """,
)

RUSSIAN = Language(
    asks=(
        r"\b(?:помнишь|помните|не помнит|(?:кто[- ]нибудь|кто-то|кто|никто)(?: \w+)? (?:по|вс)?помнит)\b(?!,? что надо)",
        r"\bчто (?:же |там |тогда )?(?!я\b).{1,60}(?:говорил[аи]?|сказал[аи]?|советовал[аи]?|посоветовал[аи]?|рекомендовал[аи]?|писал[аи]?|предлагал[аи]?) (?:про|об?|насчёт|насчет|для|на|по|делать|взять)\b",
        r"\b(?:как|какой|какая|какое|какие|где|кто|когда) (?:там |тогда |же )?(?:назывался|называлась|называлось|назывались|звали)\b",
    ),
    recalls=(
        r"\b(?:ты|вы|он|она|кто-то)\b.{0,20}\b(?:говорил[аи]?|сказал[аи]?|советовал[аи]?|посоветовал[аи]?|рекомендовал[аи]?|упоминал[аи]?|рассказывал[аи]?|писал[аи]?)\b",
        r"\b(?:в прошлый раз|на прошлой неделе|в прошлом месяце|недавно|тогда|(?:дн(?:я|ей)|недел[юьи]|месяца?) назад)\b.{0,60}\b(?:говорил\w*|сказал\w*|советовал\w*|обсуждали|писал\w*|рекомендовал\w*)\b",
        r"\bне помню\b.{0,60}\b(?:как|какой|какая|где|кто|что|когда)\b",
    ),
    question=r"^(?:[^\w@]|@\w*+|а|и|но|слушай|привет){0,6}+(?:как|какой|какая|какое|какие|где|кто|что|когда|сколько|почему|куда)\b",
    common="""
    без более бы был была были было быть вам вас ведь весь во вот все всё всех вы где да даже для до его ее её если
    есть ещё еще же за здесь из или им их как какая какие какой какое когда кто кто-нибудь кто-то ли мне много может
    мой моя мы на над надо нам нас наш не него нее неё недели неделю неделе нет ни нужен нужна нужно нужны ним них но ну об он она они оно от
    очень по под помнит помните помнишь помню после потом потому почему при про прошлый прошлой прошлом раз раньше с
    сам себе себя сегодня сейчас сказал сказала сколько со так также такой там тебе тебя тем тогда того тоже той
    только том тот ту ты тут у уже хоть чего чем через что чтобы эта эти это этот эту я говорил говорила советовал
    советовала назывался называлась спасибо писал писала рекомендовал
    """,
)

ARABIC = Language(
    asks=(
        r"(?:هل |ا)?(?:ما ?زلت |لازلت )?(?:تتذكر(?:ون|ين|وا)?|متذكر(?:ين|ه)?|فاكر(?:ين|ه)?|يتذكر|يذكر)(?! ان )(?= )",
        r"هل (?:تذكر(?:ون|ين)?|يذكر|احد يذكر|منكم من يذكر)\b(?! ان )",
        r"تذكر(?:ون|ين)? (?:متي|ما|ماذا|من|اين|اسم|كيف|عندما|حين|لما|اي|ذلك|تلك)\b",
        r"ماذا (?:كان |كانت )?(?:قال|قالت|قلت|قلتم|نصح|نصحت|ذكر|ذكرت|اقترح|اقترحت|كتب|كتبت)",
        r"(?:ما|ماذا|من|اين|متي) (?:كان|كانت) .{0,60}(?:ذكرت|قلت|قال|قالت|نصحت|الاسبوع الماضي|المره الماضيه|الشهر الماضي)",
    ),
    recalls=(
        r"(?:الاسبوع الماضي|المره الماضيه|الشهر الماضي|قبل (?:ايام|اسبوع|اسابيع|شهر)|ذلك اليوم).{0,60}(?:قلت|قال|قالت|ذكر|ذكرت|نصح|نصحت|تحدث|تكلم|حكي)",
        r"(?:^|\s)(?:قلت|ذكرت|نصحت|اقترحت|حكيت|اخبرتنا)(?: \S+){0,8} (?:سابقا|من قبل|قبل|الماضي|الماضيه)",
        r"الم (?:تقل|تذكر|تنصح)",
    ),
    question=r"^(?:[^\w@]|@\w*+|و){0,6}+(?:هل|ما|ماذا|من|اين|متي|كيف|كم|اي|لماذا)\b",
    common="""
    الي ان انا انت انتم انها انه اي اين او اذا الا التي الذي الذين الان الماضي الماضيه المره الاسبوع الشهر احد اسم بعد
    بعض بين به بها تتذكر تتذكرون تذكر تذكرون ثم حتي حول حين ذكر ذكرت ذلك سابقا شيء شكرا عليه علي عليها عن عند عندما
    عنه عنها غير في فيه فيها قال قالت قلت قبل قد كان كانت كل كم كيف لا لان لقد لك لكن لم لماذا لن له لها لو ليس ما ماذا
    متي مره مع من منذ منكم منه منها نحن نصح نصحت نعم هذا هذه هل هم هنا هناك هو هي ولا وما ومن يا يتذكر يذكر يوم لنا بعض
    """,
)

HINDI = Language(
    asks=(
        r"(?:तुम्हें|तुम्हे|आपको|तुमको|तुझे|किसी को|किसीको|क्या).{0,30}याद (?:है|हैं|आ रहा|आता|होगा)(?! रख)",
        r"याद (?:है|हैं)(?: न| ना)?,? (?:कब|क्या|जब|कि|वो|वह|कौन|कहाँ|कहां|कैसे|पिछल\S+)",
        r"(?:ने|आपने|तुमने|उसने|उन्होंने) .{0,40}क्या (?:कहा|बताया|बोला|सुझाया|लिखा)",
        r"(?:क्या नाम था|नाम क्या था|कौन सा था|कौन सी थी|कौनसा था|कहाँ था|कहां था)",
    ),
    recalls=(
        r"(?:आपने|तुमने|तूने|उसने|किसी ने|उन्होंने) .{0,60}(?:कहा|बताया|बोला|सुझाया|लिखा|बताई|सुझाई) (?:था|थी|थे)",
        r"(?:पिछली बार|पिछले (?:हफ्ते|हफ़्ते|महीने|साल)|उस दिन|कुछ दिन पहले).{0,60}(?:कहा|बताया|बोला|बात|सुझाया)",
        r"याद नहीं",
    ),
    question=r"(?:क्या|कब|कौन|कहाँ|कहां|कैसे|किस|कितन|क्यों)",
    common="""
    अगर कितना कितने कितनी अपना अपनी अपने अब अभी आप आपको आपने किसके पास बारे इस इसका इसकी इसके इसमें उस उसका उसकी उसके उसने उन उन्होंने एक ऐसा और कब
    कर करना करने कहा कहाँ कहां का कि किया किस किसी की कुछ के कैसे को कोई कौन क्या क्यों गया गई चाहिए जब जाता जो तक तब
    तरह तुम तुम्हें तुमने तुम्हारे तो था थी थे दिन दिया दो धन्यवाद न नहीं नाम ने पर पहले पिछली पिछले फिर बताया बात बाद
    बार बोला भी मगर मुझे में मेरा मेरी मेरे मैं मैंने यदि यह यहाँ याद ये रहा रही रहे लिए ले लेकिन वह वहाँ वाला वाली
    वाले वो सकता सकते सब साथ सा सी सुझाया से हफ्ते हफ़्ते हम हमने हमारे ही हुआ हुई हूँ है हैं हो होगा होता होती होने
    """,
)

CHINESE = Language(
    asks=(
        r"(?:还|還)(?:记得|記得)(?!要|把|去|带|帶).{0,40}(?:吗|嗎|么|麼|不$|没$|谁|誰|什么|什麼|哪|多少|几|怎么|怎麼)",
        r"(?:记不记得|記不記得|有没有人记得|有沒有人記得|有人(?:还|還)?(?:记得|記得)|谁(?:还)?记得|誰(?:還)?記得)(?!要|把)",
        r"(?:上次|之前|那天|上周|上週|上个月|上個月|以前|刚才|剛才|前几天|前幾天|去年|昨天|当时|當時).{0,30}(?:说|說|推荐|推薦|提|讲|講|介绍|介紹|建议|建議|用)(?:过|過|到|了)?的?.{0,20}"
        r"(?:什么|什麼|哪|谁|誰|多少|几|吗|嗎|怎么|怎麼|啥|来着|來著)",
        r"(?:来着|來著)",
    ),
    recalls=(
        r"(?:记得|記得)(?!要|把|去|带|帶|关|關)",
        r"(?:上次|之前|那天|上周|上週|上个月|上個月|以前|刚才|剛才|前几天|前幾天|去年|当时|當時).{0,30}(?:说|說|推荐|推薦|提到|提过|提過|讲|講|介绍|介紹|建议|建議|聊)",
        r"(?:你|他|她|谁|誰|有人)(?:不是)?(?:说|說|推荐|推薦|提|讲|講|建议|建議)(?:过|過|到过|到過|的)",
    ),
    question=r"(?:吗|嗎|么|麼|呢|什么|什麼|哪|谁|誰|多少|几|啥|怎么|怎麼|是不是|有没有|有沒有)",
    common="""
    还记得 還記得 记不记得 記不記得 记得 記得 有没有人 有沒有人 有没有 有沒有 是不是 有人 大家 上一次 上次 之前 那天 上周 上週 上个月 上個月 以前
    刚才 剛才 前几天 前幾天 去年 昨天 今天 明天 当时 當時 说过 說過 提到过 提过 提過 提到 推荐 推薦 介绍 介紹 建议 建議 说的 說的 告诉 告訴 什么 什麼
    哪里 哪裡 哪儿 哪个 哪個 哪家 哪种 哪種 多少 怎么样 怎麼樣 怎么 怎麼 为什么 為什麼 时候 時候 名字 来着 來著 这个 這個 那个 那個 这里 這裡 那里 那裡
    这样 這樣 那样 那樣 这么 那么 我们 我們 你们 你們 他们 他們 她们 她們 自己 可以 应该 應該 已经 已經 知道 觉得 覺得 多大 因为 因為 所以 但是 不过 不過 如果
    就是 还是 還是 或者 一个 一個 一下 一点 一點 没有 沒有 不是 不能 不要 谢谢 謝謝 请问 請問 现在 現在 然后 然後 其实 可能 比较 一样 我 你 他 她 它
    的 了 吗 嗎 么 麼 呢 吧 啊 呀 哦 嗯 是 在 和 跟 与 與 就 都 也 还 還 不 没 沒 很 太 要 说 說 叫 把 被 从 從 谁 誰 啥
    """,
)

JAPANESE = Language(
    asks=(
        r"(?:でした|だった|ました|った|いた|んだ)っけ",
        r"覚えて(?:い)?(?:る|ます|ない|ません)(?:か|人|方|ひと|\?|？)",
        r"(?:誰か|だれか|みんな|皆さん).{0,30}覚えて(?!おい|くだ|ね)",
        r"(?:前に|この前|この間|こないだ|先週|先月|以前|昔|去年|あの時|さっき).{0,40}"
        r"(?:言って|話して|勧めて|すすめて|紹介して|教えて|書いて|話した|言った|使って|使った|聞いた)(?:い?た|くれた|くれてた|もらった)?.{0,30}(?:何|なに|なん|どこ|どの|どれ|誰|だれ|いつ|いくつ|か$|か。)",
    ),
    recalls=(
        r"覚えて(?:い)?(?:る|ます|ない|ません)",
        r"(?:前に|この前|この間|こないだ|先週|先月|以前|昔|去年|あの時).{0,40}(?:言って|話して|勧めて|すすめて|紹介して|教えて|書いて|話した|言った|使って)",
        r"(?:って|と)(?:言って|いって|おすすめして|勧めて)(?:い)?(?:た|ました)",
    ),
    question=r"か[ねなぁ]?\W{0,2}$|っけ\W{0,2}$|(?:何|なに|なん|どこ|どの|どれ|誰|だれ|いつ|いくつ)",
    common="""
    覚 言 話 持 行 来 出 入 取 置 知 分 前 間 先週 先月 以前 去年 昨日 今日 明日 今 誰 人 方 何 名前 時 教 使 勧 紹介 書 聞 見 思 私 僕 俺 皆 皆さん 一緒 今週 来週 今年 最近 時間 場合
    それ これ あれ ここ そこ あそこ だれか みんな どこ いつ でも ですか ました です ます はい いいえ そう たぶん まだ もう とても ありがとう ください
    """,
)

KOREAN = Language(
    asks=(
        r"기억(?:이? ?(?:나|남|나는|나시|나요|나니|날까)|하는 사람|하는 분|하시는 분|하니|하냐)",
        r"(?:뭐라고|뭐라) (?:했|하셨|말했|그랬)",
        r"(?:뭐|뭔|어디|누구|언제|어느|어떤|무슨|얼마|이름).{0,30}(?:더라|였지|였죠|이었지|이었죠|었지|했지|했죠)\W{0,3}$",
    ),
    recalls=(
        r"기억하(?:세요|시나요|시죠|나요|죠|지)(?!,)",
        r"(?:저번에?|지난번에?|전에|지난 ?주에?|지난 ?달에?|예전에|그때|작년에).{0,40}(?:말했|말한|말씀|얘기|이야기|추천|알려|그랬|했던|쓴|썼)",
    ),
    question=r"(?:나요|까요|가요|니|냐|죠|지|더라|뭐|어디|누구|언제|어느|어떤|무슨|얼마|왜)",
    common="""
    기억나 기억나요 기억나세요 기억나시나요 기억하나요 기억하시나요 있는지 갖고 대해 대해서 기억나는 기억하세요 기억하는 기억이 기억 나세요 나는 나요 사람 있나요 있어요 있어 있는 없나요 아직 아직도 혹시 누구 누가 뭐 뭐라고 무슨 무엇 어디 어디서 언제 어느 어떤
    얼마 왜 어떻게 저번에 지난번에 지난번 전에 지난주에 지난주 지난달 예전에 그때 작년에 어제 오늘 내일 말했 말했던 말한 말씀하신 얘기한 얘기했던 추천한 추천했던 추천해 했던 했지 했나요 했어요
    그 이 저 그거 이거 저거 것 거 수 좀 더 잘 안 못 또 그리고 그런데 근데 하지만 그래서 우리 제가 내가 나 너 네 저는 나도 이름 이름이 하는 하고 해요 해 합니다 입니다 이에요 예요 였지 더라 뭐였지 뭐였더라
    정말 진짜 감사합니다 고마워 네 아니요
    """,
)

THAI = Language(
    asks=(
        r"(?:จำ|นึก)[^\s]{0,20}(?:ได้|ออก).{0,60}(?:ไหม|มั้ย|มั๊ย|หรือเปล่า|รึเปล่า|ป่าว|บ้าง|\?)",
        r"(?:ใคร|มีใคร)(?:ยัง)?จำ(?:กัน)?.{0,20}ได้",
        r"(?:คราวก่อน|คราวที่แล้ว|ครั้งก่อน|ครั้งที่แล้ว|วันก่อน|อาทิตย์ก่อน|อาทิตย์ที่แล้ว|สัปดาห์ที่แล้ว|เดือนที่แล้ว|เดือนก่อน|ปีที่แล้ว|ตอนนั้น|เมื่อวาน).{0,60}"
        r"(?:บอก|พูด|แนะนำ|เล่า|คุย|ใช้).{0,40}(?:อะไร|ไหน|ใคร|เมื่อไร|เมื่อไหร่|เท่าไร|เท่าไหร่|ยังไง|กี่|ไหม|มั้ย|นะ$)",
    ),
    recalls=(
        r"(?:เคย|ได้)(?:บอก|พูด|แนะนำ|เล่า)",
        r"(?:บอก|พูด|แนะนำ)(?:ไว้)?ว่า(?:อะไร|ยังไง|ไง)",
        r"(?:คราวก่อน|คราวที่แล้ว|ครั้งก่อน|ครั้งที่แล้ว|วันก่อน|อาทิตย์ก่อน|อาทิตย์ที่แล้ว|สัปดาห์ที่แล้ว|เดือนที่แล้ว|ตอนนั้น).{0,60}(?:บอก|พูด|แนะนำ|เล่า|คุย)",
    ),
    question=r"(?:ไหม|มั้ย|อะไร|ไหน|ใคร|เมื่อไร|เมื่อไหร่|เท่าไร|เท่าไหร่|หรือเปล่า|ยังไง|กี่|บ้าง)",
    common="""
    จำได้ไหม จำได้มั้ย จำกันได้ จำได้ ยังจำ มีใคร ใคร คราวก่อน คราวที่แล้ว ครั้งก่อน ครั้งที่แล้ว วันก่อน อาทิตย์ก่อน อาทิตย์ที่แล้ว สัปดาห์ที่แล้ว เดือนที่แล้ว เดือนก่อน ปีที่แล้ว
    ตอนนั้น เมื่อวาน วันนี้ พรุ่งนี้ เมื่อก่อน บอกว่า พูดว่า แนะนำ เล่าว่า พูดถึง อะไร ที่ไหน ไหน เมื่อไร เมื่อไหร่ เท่าไร เท่าไหร่ หรือเปล่า ยังไง อย่างไร ทำไม ไหม มั้ย บ้าง ชื่อ ครับ ค่ะ
    แล้ว และ หรือ แต่ ของ ที่ จาก เป็น อยู่ ไม่ ว่า ไว้ ฉัน คุณ เขา พวก นี้ นั้น นี่ นั่น เคย ต้อง ขอบคุณ เพราะ ด้วย กว่า ใช้ กับ
    """,
)

LANGUAGES: dict[str, Language] = {
    "en": ENGLISH,
    "de": GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
    "pt": PORTUGUESE,
    "it": ITALIAN,
    "ru": RUSSIAN,
    "ar": ARABIC,
    "hi": HINDI,
    "zh": CHINESE,
    "ja": JAPANESE,
    "ko": KOREAN,
    "th": THAI,
}
