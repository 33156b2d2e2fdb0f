"""What is written: strings in Japanese, English, Korean, Chinese and Russian, like dialogue, noise or print."""

from __future__ import annotations

from training.data.assets import Face
from training.data.dice import Dice

HIRAGANA = "いんうしたかなのにてとはるっこれをもらがだきまさせそくけすりよつどやわえあねろちでおみじばめほひふへゆびょぎごげずぞぶべぼぬむ"
KATAKANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワンガギグゴザジズゼドダバブボパピプッャュョー"
_JA_STEMS = (
    "俺 私 僕 君 今 昨日 明日 先輩 学園 世界 本気 人類 時代 大切 一人 約束 絶対 戦い 力 剣 魔法 勇気 王国 姫様 敵 仲間 友 兄さん 妹 師匠 故郷 家 "
    "街 夜 朝 月 星 空 海 山 風 炎 水 光 影 心 手 目 声 名 話 事 所 前 後 外 命 夢 恋 最後 理由 意味 答え 道 国 隊長 部屋 会社 金 電話 車 店 飯 行く "
    "来る 帰る 待つ 見る 聞く 言う 思う 知る 分かる 走る 逃げる 勝つ 負ける 守る 助ける 信じる 忘れる 始める 終わり 少し 毎日 料理 道具 茶碗 一緒 大丈夫"
).split()
_JA_ENDS = (
    "は が を に で と も の な だ だよ です ます ました ない なかった じゃない だろう かも けど から のに って んだ のか よね なぁ だぜ わ ですか ください "
    "しよう して している された てしまった ながら まで だけ ばかり くらい ぞ さ"
).split()
_JA_CALLS = (
    "えっ あっ うわあ ああ はい いいえ まさか なんだと くそっ ちょっと そうか なるほど うん ねえ おい こら きゃあ わあ ふふ へえ やった すごい ごめん ありがとう "
    "バカ マジ ダメ ヤバい オレ キミ すみません せっかくだし"
).split()
_EN_WORDS = (
    "I you the a to it's that is what we he she they my your this not don't can't won't will have has been are was were do know think go come "
    "get look wait stop help never always maybe really just now here there where when why how who all so but and or if with for from about over "
    "under before after again together alone time day night world people man woman boy girl friend enemy power magic sword king queen dragon "
    "master captain doctor brother sister mother father house city school street ship water fire light dark heart mind soul promise sorry "
    "thanks please okay yes no oh well right good bad great beautiful strange impossible everything nothing something believe remember forget "
    "understand happened follow protect fight run hide listen hear see feel say tell told want need take give make break leave stay keep try save"
).split()
_LATIN_MARKS = "é è ê à ç ü ö ä ñ ß ô î á í ó ú".split()
_KO_WORDS = (
    "나 너 우리 그 이 저 왜 뭐 정말 진짜 그래 아니 네 안돼 괜찮아 사람 시간 오늘 내일 학교 세상 친구 선생님 엄마 아빠 집 마음 사랑 그런데 하지만 그리고 지금 여기 "
    "거기 무슨 일이야 알았어 모르겠어 기다려 도와줘 가자 어서 미안해 고마워 했어 있어 없어 할게 같아 거야 잖아 에서 에게 까지"
).split()
_ZH_WORDS = (
    "我 你 他 她 我们 什么 怎么 为什么 不 是 的 了 在 有 没有 知道 可以 一定 真的 现在 时间 世界 朋友 力量 先生 小姐 老师 学校 今天 明天 快 走 来 去 看 说 想 "
    "要 会 能 等一下 对不起 谢谢 难道 已经 还是 因为 所以 但是 如果 一个 这个 那个 大家 自己 爱 心 禁止 注意 安全 请勿 优惠 领券"
).split()
_RU_WORDS = (
    "я ты мы он она они это что как где когда почему здесь там теперь никогда всегда может правда просто стой подожди помоги беги смотри "
    "слушай друг враг сила магия меч король дракон мастер брат сестра мама отец дом город школа улица корабль вода огонь свет тьма сердце "
    "душа спасибо прости пожалуйста хорошо плохо странно ничего всё кто-то верь помни забудь иди домой и в на с но не да нет"
).split()
_SOUNDS = {
    "ja": (
        "ドドド ゴゴゴ バン ドン ズキュン バキ ドカッ ガシャン ザワザワ ビシッ ゴオオ ドキドキ キラッ シーン ガタン バタン ズズズ ピカッ ドーン ガーン ワー キャー ハァハァ "
        "ゴクリ ニヤ ギロ バッ ズバ グッ パシャ ザッ ダッ ズバッ シュッ ヒュー パチ ガバッ バサッ ぎゅっ ぱあっ どきっ ふわ がしっ じー ぺこ パラパラ コツコツ トントン ブロロ ウオオオ ケツケツ ブオッ オォォ"
    ).split(),
    "en": (
        "BOOM CRASH BANG POW WHAM ZAP THUD CRACK SLAM WHOOSH SWISH KRAK CLICK CLANG RUMBLE SPLASH AAAH NOOO HAHA GASP SIGH GULP TAP KNOCK RING "
        "BUZZ BEEP SNAP SMASH KABOOM VROOM HISS ROAR GRRR DRIP STARE FLASH SHING SLASH TWITCH FWOOSH BAM ARGH CHOMP PLOP "
        "SPLOOSH WRRR SMIRK YAWN EEEK TADAA THWACK CRUNCH RATTLE FLAP HMPH WHIRL SQUEAK BADUM YIKES STOMP TUG POUNCE"
    ).split(),
    "ko": "쾅 두근두근 콰앙 휙 탁 쿵 스윽 덜컥 파앗 슥 헉 으아아 꺄악 쨍그랑 부웅 저벅 콰과광 흠칫 화악 촤악 툭".split(),
    "zh": "轰 砰 咚 哗 啪 轰隆 咔嚓 嗖 哈哈 啊啊啊 呼 嘭 刷 咻".split(),
    "ru": "БАМ БУМ ТРАХ ХЛОП ШЛЁП ГРОХОТ ВЖИХ ААА ТУК ЩЁЛК БАБАХ РРР".split(),
}
_SILENCES = "… …… ……… ... ...... ・・・ ! !! ！ ！！ ？ ? !? ！？ ?! ⁉ ―― -- …！ …? ♪ ~".split()
"""What somebody says who says nothing: dots and marks stand alone in many a bubble."""
_SILENCE_LENGTH = 8
_CREDITS = (
    "https://{}.com", "www.{}.net", "@{}", "{}.org/comics", "Scans by {}", "© {} 2024", "Chapter {}", "Vol. {}", "Read at {}.com", "#{}", "Page {}",
    "TRANSLATED BY {}", "{}.gg/invite", "SAMPLE {}", "To be continued…", "NEXT: {}", "- {} -", "{}",
)  # fmt: skip


def phrase(dice: Dice, face: Face, length: int) -> str:
    """A remark of about `length` characters in the font's language, only from its characters; never empty."""
    if length <= _SILENCE_LENGTH and dice.chance(0.12):
        return _written(dice, face, dice.pick(_SILENCES), length)
    makers = {"ja": _japanese, "ko": _spaced_korean, "zh": _chinese, "ru": _russian}
    text = makers.get(face.language, _latin)(dice, face, length)
    return _written(dice, face, text, length)


def sound(dice: Dice, face: Face) -> str:
    """A sound effect."""
    text = usual_sound(dice, face.language)
    if face.language == "ja":
        if dice.chance(0.2):
            text = "".join(dice.pick(KATAKANA) for _ in range(dice.whole(1, 5)))
        if dice.chance(0.3):
            text += dice.pick(["ッ", "ー", "！", "!!", "ォォ", "オ", "…", "～"])
    elif face.language == "en":
        if dice.chance(0.3):
            place = dice.whole(0, len(text) - 1)
            text = text[:place] + text[place] * dice.whole(2, 4) + text[place + 1 :]
        if dice.chance(0.4):
            text += dice.pick(["!", "!!", "!?", "...", "~"])
        if dice.chance(0.15):
            text = text.lower()
    return _written(dice, face, text, 3)


def usual_sound(dice: Dice, language: str) -> str:
    """A sound effect as the language usually writes it, whatever fonts there are."""
    return dice.pick(_SOUNDS.get(language, _SOUNDS["en"]))


def prose(dice: Dice, face: Face, length: int) -> str:
    """Running text as in documents: sentences with numbers, dates and capitals."""
    parts = []
    size = 0
    while size < length:
        part = phrase(dice, face, dice.whole(20, 60)).strip()
        if face.language in {"en", "ru"}:
            part = part[:1].upper() + part[1:].lower()
        if dice.chance(0.15):
            part += f" {dice.whole(1, 2049)}" + dice.pick(["", ".", "%", " €", " kg"])
        parts.append(part)
        size += len(part) + 1
    joint = "" if face.language in {"ja", "zh"} else " "
    return _written(dice, face, joint.join(parts)[:length], length)


def name(dice: Dice, face: Face) -> str:
    """A short label: a name, a menu entry, a number, a price."""
    kind = dice.unit()
    if kind < 0.15:
        text = dice.pick(["{}", "{}%", "${}", "{}.99", "No. {}", "{}:30", "x{}", "{}/12"]).format(dice.whole(1, 999))
    elif face.language in {"ja", "zh"}:
        text = phrase(dice, face, dice.whole(2, 6)).strip("、。！？…")
    else:
        text = " ".join(phrase(dice, face, 3).split()[:2]).strip(".,!?-").title()
    return _written(dice, face, text, 4)


def credit(dice: Dice, face: Face) -> str:
    """An address, a handle, a page number, a chapter mark."""
    handle = "".join(dice.pick("abcdefghiklmnoprstuvwy") for _ in range(dice.whole(3, 9)))
    return _written(dice, face, dice.pick(_CREDITS).format(handle if dice.chance(0.6) else dice.whole(1, 400)), 6)


def amount(dice: Dice) -> str:
    """A price, a quantity or a plain number, in Latin characters only."""
    small, large = dice.whole(1, 999), f"{dice.whole(1, 99_999) * dice.pick([1, 10, 100]):,}"
    return dice.pick(
        [str(small), str(small), f"No.{small}", f"{large} Ko", f"{large} G", f"${small}.99", f"{large}-", f"{large} won",
         f"x{dice.whole(2, 99)}", f"{dice.whole(1, 100)}%", f"{small}/{small + dice.whole(1, 200)}", f"+{large}",
         large, f"Lv.{dice.whole(1, 99)}", f"{dice.whole(1, 31)}.{dice.whole(1, 12)}.{dice.whole(1980, 2040)}"]
    )  # fmt: skip


def hour(dice: Dice) -> str:
    """A time of day as a digital clock shows it."""
    time = f"{dice.whole(0, 23):0{dice.pick([1, 2])}d}:{dice.whole(0, 59):02d}"
    return time + (f":{dice.whole(0, 59):02d}" if dice.chance(0.15) else "")


def _written(dice: Dice, face: Face, text: str, length: int) -> str:
    """The text in the font's characters, or random ones of them where it cannot write the text at all."""
    known = face.without_unknown(text)
    if known.strip():
        return known
    return "".join(dice.pick(face.characters) for _ in range(max(1, min(length, 40))))


def _japanese(dice: Dice, face: Face, length: int) -> str:
    text = ""
    while len(text) < length:
        kind = dice.unit()
        if kind < 0.14:
            text += dice.pick(_JA_CALLS)
        elif kind < 0.22:
            text += "".join(dice.pick(KATAKANA) for _ in range(dice.whole(2, 6)))
        elif kind < 0.42 and face.kanji:  # rare kanji too: each font has its own share of them
            text += "".join(dice.pick(face.kanji) for _ in range(dice.whole(1, 2))) + dice.pick(_JA_ENDS)
        elif kind < 0.5:
            text += "".join(dice.pick(HIRAGANA) for _ in range(dice.whole(2, 6)))
        else:
            text += dice.pick(_JA_STEMS) + dice.pick(_JA_ENDS)
        text += dice.weighted({"": 0.8, "、": 0.1, "…": 0.04, "。": 0.03, "―": 0.01, "・": 0.01, "～": 0.01})
    text = text[:length]
    text += dice.weighted(
        {
            "": 0.6,
            "！": 0.08,
            "！！": 0.05,
            "！？": 0.04,
            "？": 0.06,
            "…": 0.06,
            "……": 0.03,
            "っ": 0.03,
            "～": 0.03,
            "――": 0.02,
        }
    )
    return f"「{text}」" if dice.chance(0.06) else text


def _latin(dice: Dice, _face: Face, length: int) -> str:
    words: list[str] = []
    size = 0
    while size < length * 2:  # Latin letters are half as wide as Japanese ones
        word = dice.pick(_EN_WORDS)
        if dice.chance(0.04):
            word = "".join(dice.pick("abcdefghijklmnopqrstuvwxyz") for _ in range(dice.whole(3, 9)))
        if dice.chance(0.05):
            word += dice.pick(_LATIN_MARKS)
        elif dice.chance(0.02):
            word = str(dice.whole(0, 2050))
        words.append(word + dice.weighted({"": 0.9, ",": 0.04, ".": 0.02, "...": 0.02, "!": 0.01, "?": 0.01}))
        size += len(word) + 1
    text = " ".join(words) + dice.pick([".", "!", "?", "...", "!!", "?!", "", "-"])
    return text.upper() if dice.chance(0.62) else text[:1].upper() + text[1:]


def _russian(dice: Dice, _face: Face, length: int) -> str:
    words = [dice.pick(_RU_WORDS) for _ in range(max(1, length * 2 // 6))]
    text = " ".join(words) + dice.pick([".", "!", "?", "...", "!!", ""])
    return text.upper() if dice.chance(0.6) else text.capitalize()


def _spaced_korean(dice: Dice, face: Face, length: int) -> str:
    text = ""
    while len(text) < length:
        plain = dice.chance(0.65) or not face.syllables
        text += dice.pick(_KO_WORDS) if plain else "".join(dice.pick(face.syllables) for _ in range(dice.whole(1, 4)))
        text += dice.weighted({" ": 0.75, "": 0.15, ", ": 0.04, "... ": 0.03, "! ": 0.03})
    return text.strip() + dice.pick(["!", "...", "?", "", "!!", "."])


def _chinese(dice: Dice, face: Face, length: int) -> str:
    text = ""
    while len(text) < length:
        plain = dice.chance(0.65) or not face.kanji
        text += dice.pick(_ZH_WORDS) if plain else "".join(dice.pick(face.kanji) for _ in range(dice.whole(1, 4)))
        text += dice.weighted({"": 0.9, "，": 0.05, "。": 0.02, "！": 0.03})
    return text + dice.pick(["！", "…", "？", "", "", "。"])
