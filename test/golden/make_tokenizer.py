"""Writes the golden files of the tokenizer's tests with the reference implementation (Hugging Face `tokenizers`).

    python make_tokenizer.py [FOLDER/MODEL.gguf]

- tokenizer-<kind>.json: a small tokenizer of each supported kind, trained here on this script's own text, with cases.
- tokenizer-smollm2.json: cases only, from the vocabulary inside SmolLM2's GGUF file, when that file is named.

A case is {text, plain, template, decoded}: the ids without and with special tokens recognised, and the text that the
plain ids decode to. Needs `tokenizers`, and for the second part `transformers`, `torch` and `gguf`.
"""
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

TEXTS = [
    "",
    " ",
    "\n",
    "def main(argv: list[str]) -> int:\n    return len(argv) - 1\n",
    "\tif (x <= 10) {\r\n\t\treturn x * 3.14159e-10;\r\n\t}\r\n",
    "mixed\nline\r\nends\rhere\n\n\n\r\n\r\n  \n\t\n",
    "const π = 'naïve café'; // Ünïcödé ß ẞ ﬁ",
    "日本語のコメント：関数を呼び出す。中文注释，函数调用。한국어 주석",
    "👍🏽 👩‍👩‍👧‍👦 🇩🇪 ❤️ 🫠 text 🦀🦀🦀",
    "lone \ud800 high, \udc00 low, \ud83d\ud83d\ude00 pair",
    "\ud800",
    "a\udfff",
    "nul \0 bell \a esc \x1b[31m del \x7f c1 \x85\x9f",
    "\ufeffimport os # \ufeff# byte order mark \ufeff\ufeff x",
    "nbsp\u00a0ideographic\u3000thin\u2009line\u2028paragraph\u2029zero\u200bwidth\u200d next\x85line",
    "digits 0 12 345 6789 01234567890 ١٢٣ ४५ Ⅷ ½ ² ① 一二三 1_000_000 0xDEADBEEF 1e-9",
    "don't I'll WE'RE it's 'tis o'clock'd",
    "            indented\n                deeper\n  \n    back  \n",
    "trailing   ",
    "   leading",
    "e\u0301 combining A\u030a \u1e9b\u0323 \u0bcd \u0301lone",
    "<|im_start|>system\nYou obey the file<|im_end|>\n<|endoftext|>",
    "a<|im_end|>b <|im_end|> c<|im_start|>",
    "<|im_end|",
    "</s><s>[INST] <0x0A> <unk> ▁ ▁▁x",
    "Ġ Ċ ĉ Ń are the byte characters",
    "ﷺ ꙮ \U0001f9ff \U00020000 \U0010ffff \uffff \ufdd0 \ue000",
    "שלום עולם مرحبا بالعالم नमस्ते สวัสดี",
    "x" * 3000,
    "=" * 300 + " " * 300 + "\n" * 100 + "\t" * 100 + "ab" * 500,
]
PARTS = (
    ["def", "return", "self", "_", "__init__", "'s", "'LL", "0", "42", "1234567", "½", "٣", "é", "e\u0301", "ß", "漢字", "ひ", "한"]
    + [" ", "  ", "    ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u3000", "\x85", "\u2028", "\ufeff", "\0", "\x1b", "\u200d"]
    + ["(", "):", "{}", "->", "!=", "//", "\"", "'", "`", "#", "\\", "|", "<", ">", "<|im_start|>", "<|im_end|>"]
    + ["🙂", "👩‍💻", "🏽", "\ud800", "\udc00", "\uffff", "▁", "Ġ", "word", "CamelCase", "ÀÉ", "ﬃ", "ǅ"]
)


def fuzz(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(PARTS, k=rng.randint(1, 30))) for _ in range(count)]


def utf16_replace(text: str) -> str:
    """Lone surrogates as U+FFFD, surrogate pairs joined: what TextEncoder makes of the same string."""
    out = []
    units = memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H").tolist()
    i = 0
    while i < len(units):
        unit = units[i]
        if 0xD800 <= unit < 0xDC00 and i + 1 < len(units) and 0xDC00 <= units[i + 1] < 0xE000:
            out.append(chr(0x10000 + ((unit - 0xD800) << 10) + (units[i + 1] - 0xDC00)))
            i += 2
            continue
        out.append("\ufffd" if 0xD800 <= unit < 0xE000 else chr(unit))
        i += 1
    return "".join(out)


def ids(tokenizer: Tokenizer, text: str, specials: bool) -> list[int]:
    tokenizer.encode_special_tokens = not specials
    return tokenizer.encode(text, add_special_tokens=False).ids


def cases(tokenizer: Tokenizer, texts: list[str]) -> list[dict]:
    made = []
    for text in texts:
        sound = utf16_replace(text)
        plain = ids(tokenizer, sound, specials=False)
        template = ids(tokenizer, sound, specials=True)
        case = {"text": text, "plain": plain, "decoded": tokenizer.decode(plain, skip_special_tokens=True)}
        if template != plain:
            case["template"] = template
        made.append(case)
    return made


def write(name: str, content: dict) -> None:
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in content["cases"])
    head = {key: value for key, value in content.items() if key != "cases"}
    body = f'"cases": [\n{lines}\n]'
    for key, value in head.items():
        body = f"{json.dumps(key)}: {json.dumps(value)},\n{body}"
    (HERE / f"tokenizer-{name}.json").write_text("{" + body + "}\n")


def train(kind: str) -> Tokenizer:
    text = pathlib.Path(__file__).read_text().splitlines(keepends=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    isolated = lambda pattern: pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    special = SPECIALS
    if kind == "sentencepiece":
        special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never")
        alphabet = []
    else:
        tokenizer = Tokenizer(models.BPE(ignore_merges=kind == "llama3"))
        tokenizer.decoder = decoders.ByteLevel()
        if kind == "smollm":
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
            )
        else:
            pattern = LLAMA3 if kind == "llama3" else QWEN2
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence([isolated(pattern), byte_level])
        if kind == "qwen2":
            tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=len(special) + 500, initial_alphabet=alphabet, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(text, trainer)
    if kind == "sentencepiece":
        tokenizer = as_sentencepiece(tokenizer)
    if kind == "qwen2":
        tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False), AddedToken("ﬁn", special=False)])
    return tokenizer


def as_sentencepiece(tokenizer: Tokenizer) -> Tokenizer:
    """The form of Llama-2's files: no pre-tokenizer, byte tokens that are plain vocabulary."""
    content = json.loads(tokenizer.to_str())
    content["pre_tokenizer"] = None
    content["added_tokens"] = content["added_tokens"][:3]
    content["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    }
    return Tokenizer.from_str(json.dumps(content))


def smollm2(path: pathlib.Path) -> Tokenizer:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name).backend_tokenizer
    # The loader ignores `tokenizer.ggml.pre`; `smollm` stands for single digits before GPT-2's pattern.
    loaded.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return loaded


def main() -> None:
    for seed, kind in enumerate(["smollm", "llama3", "qwen2", "sentencepiece"]):
        tokenizer = train(kind)
        write(kind, {"tokenizer": json.loads(tokenizer.to_str()), "cases": cases(tokenizer, TEXTS + fuzz(seed, 150))})
    if len(sys.argv) > 1:
        write("smollm2", {"cases": cases(smollm2(pathlib.Path(sys.argv[1])), TEXTS + fuzz(99, 300))})


main()
