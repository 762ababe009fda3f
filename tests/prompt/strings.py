"""Texts of many kinds for tokenizers to disagree on: the EU's languages, code, emoji, odd Unicode, spaces, control
characters, long runs, mixed scripts. The same ones in every run."""

from __future__ import annotations

import random
import unicodedata

# The first article of the Universal Declaration of Human Rights, in the 24 official languages of the EU.
LANGUAGES = {
    "bg": "Всички хора се раждат свободни и равни по достойнство и права. Те са надарени с разум и съвест.",
    "hr": "Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima. Obdarena su razumom i sviješću.",
    "cs": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím.",
    "da": "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret med fornuft og samvittighed.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand.",
    "en": "All human beings are born free and equal in dignity and rights. They're endowed with reason, no?",
    "et": "Kõik inimesed sünnivad vabadena ja võrdsetena oma väärikuselt ja õigustelt. Neile on antud mõistus.",
    "fi": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués d'une conscience.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Mit Vernunft begabt; groß & GRÖßE.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι.",
    "hu": "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Ésszel bírnak, őszintén.",
    "ga": "Saolaítear na daoine uile saor agus comhionann ina ndínit agus ina gcearta. Tá bua an réasúin acu.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Sono dotati di ragione; perché no?",
    "lv": "Visi cilvēki piedzimst brīvi un vienlīdzīgi savā pašcieņā un tiesībās. Viņi ir apveltīti ar saprātu.",
    "lt": "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. Jiems suteiktas protas ir sąžinė.",
    "mt": "Il-bnedmin kollha jitwieldu ħielsa u ugwali fid-dinjità u d-drittijiet. Huma mogħnija bir-raġuni.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są obdarzeni rozumem.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e consciência.",
    "ro": "Toate ființele umane se nasc libere și egale în demnitate și în drepturi. Ele au rațiune.",
    "sk": "Všetci ľudia sa rodia slobodní a sebe rovní, čo sa týka ich dôstojnosti a práv. Sú obdarení rozumom.",
    "sl": "Vsi ljudje se rodijo svobodni in imajo enako dostojanstvo in enake pravice. Obdarjeni so z razumom.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos. ¿Dotados de razón? ¡Sí, señor!",
    "sv": "Alla människor är födda fria och lika i värde och rättigheter. De har utrustats med förnuft och samvete.",
}

OTHERS = (
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
    "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์",
)

CODE = (
    "def f(x: int) -> str:\n    return f'{x!r:>10}'  # 100%\n",
    "for (int i = 0; i < n; ++i) {\n\tsum += a[i] * 0x1F;\n}\n",
    'SELECT "name", COUNT(*) FROM users WHERE id != 42 GROUP BY 1;\r\n',
    "<a href='https://example.org/?q=1&r=%20'>don't</a><!-- TODO: I'LL -->",
    '{"key": [1, 2.5e-3, null, "\\u00e9"], "other": {}}',
    "$ git commit -m 'fix: #1234' && echo $? || exit 1\n",
    "x<-c(1,2,3);;y->z;a|>b;`tick`~^=+",
    "\\begin{equation} \\frac{a}{b}^{2} \\end{equation} $$\\alpha_{i}$$",
)

EMOJI = ("🎉", "👩‍👩‍👧‍👦", "🇫🇷", "👍🏽", "❤️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "☕️ ", "1️⃣", "😀😀😀")

ODD = (
    "e\u0301 e\u0300\u0323",  # combining marks
    "\u200bzero\u200dwidth\u200c",
    "\ufeffbom",
    "\u202eright to left\u202c",
    "ﬁ ﬂ ǆ ß ſ ẞ İ ı",
    "①②③ Ⅷ ½ ٣٤ ५६ 𝟘𝟙",
    "𝒞𝒽𝒶𝓇𝓈 𐍈 𓀀",
    "\x00\x01\x07\x1b[0m\x7f",
    "\ue000\U000f0000",  # private use
    "\ufdd0\ufffe\U0001ffff\U0005fffe\U0006ffff",  # noncharacters
    "\ufffd",
    "▁▁x▁",
    "’s ‘t’ “quoted” «guillemets» …—–",
    "It'S WE'LL i'd 'Re'VE'm",
    "१२३४५६७८९० 1234567890 12 345 6",
)

SPACES = (
    " ",
    "  ",
    "   ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    " \n ",
    "\u00a0",
    "\u2003",
    "\u3000",
    "\x0b\x0c",
    "\u0085",
    "\u2028",
)

MIXED = (
    "аdmіn Αthens Вerlin",  # letters that look alike, of three alphabets
    "東京Tokyo2024年Москва5月",
    "naïveЖ中aあ1ㄱ",
    "ΑΒΓabc αβγABC",
    "Ünï©ødé™ 50 €/m² ±3°",
    "x²+y³=z⁴₅",
    "שלום world مرحبا",
)

RUNS = (
    "a",
    "A",
    "1",
    " ",
    "\n",
    "\t",
    ".",
    "é",
    "人",
    "😀",
    "\u0301",
    "\u3000",
    "\x00",
    "ab",
    " \n",
    "'s",
    "Aa",
    "<|",
    "▁",
)

CONTROL_CHARACTERS = tuple(map(chr, (*range(0x20), *range(0x7F, 0xA0))))

SPELLINGS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "</s>",
    "<s>",
    "[INST]",
    "[/INST]",
    "<unk>",
    "<0x0A>",
    "<|im_",
)

_SEED = 20_240_601


def varied_strings(count: int = 2_400) -> list[str]:
    """`count` different strings: each text above alone, then pieces of them in random company."""
    runs = [text * length for text in RUNS for length in (2, 3, 17, 90)]
    whole = [*LANGUAGES.values(), *OTHERS, *CODE, *EMOJI, *ODD, *MIXED, *SPACES, *CONTROL_CHARACTERS, *SPELLINGS, *runs]
    pieces = [piece for text in (*LANGUAGES.values(), *OTHERS, *CODE, *MIXED) for piece in _cut(text)]
    draw = random.Random(_SEED)
    strings = dict.fromkeys(["", *whole])
    anything = [_anything(draw) for _ in range(500)]
    kinds_of_text = [pieces, EMOJI, ODD, SPACES, SPELLINGS, CODE, CONTROL_CHARACTERS, RUNS, anything]
    while len(strings) < count:
        kinds = draw.choices(kinds_of_text, [8, 1, 1, 3, 1, 1, 1, 1, 2], k=draw.randint(1, 7))
        joint = draw.choice(["", "", " "])
        strings[joint.join(draw.choice(kind) for kind in kinds)] = None
    return list(strings)


def _cut(text: str) -> list[str]:
    """Beginnings, ends and middles of a text, cut without respect for words."""
    third = len(text) // 3
    return [text[:third], text[third : 2 * third], text[2 * third :], text[third - 3 : third + 3], text.upper()[:third]]


def _anything(draw: random.Random) -> str:
    """A few characters from anywhere in Unicode, of those that are no surrogates and that every library knows."""
    drawn = (chr(draw.choice([draw.randrange(0x3000), draw.randrange(0x110000)])) for _ in range(draw.randint(2, 8)))
    return "".join(character for character in drawn if unicodedata.category(character) not in ("Cn", "Cs"))
