//! Numbers that count or measure: 17179869184 bytes have the digits of a phone number, and so have 15 seconds in nanoseconds
//! and many a sum in cents. What a document calls them tells the difference.

/// The words of keys under which a number is no phone number.
const WORDS: [&str; 62] = [
    "allocated",
    "amount",
    "available",
    "balance",
    "bandwidth",
    "byte",
    "bytes",
    "capacity",
    "cents",
    "checksum",
    "cost",
    "count",
    "counter",
    "cycles",
    "disk",
    "duration",
    "elapsed",
    "fee",
    "fen",
    "free",
    "fuel",
    "hash",
    "heap",
    "instructions",
    "latency",
    "len",
    "length",
    "mem",
    "memory",
    "micros",
    "microseconds",
    "millis",
    "milliseconds",
    "ms",
    "nanos",
    "nanoseconds",
    "ns",
    "offset",
    "ops",
    "position",
    "price",
    "quota",
    "rate",
    "revenue",
    "rss",
    "seconds",
    "seed",
    "size",
    "sum",
    "time",
    "timestamp",
    "tokens",
    "took",
    "total",
    "ts",
    "uptime",
    "us",
    "usage",
    "used",
    "volume",
    "weight",
    "width",
];

/// The same in Chinese, which has no spaces.
const PARTS: [&str; 16] = [
    "字节", "大小", "长度", "数量", "总数", "总计", "合计", "金额", "价格", "余额", "费用", "时间",
    "耗时", "时长", "内存", "容量",
];

/// Whether a key says that what is under it counts or measures: `memory_bytes`, `durationNs`, `金额`.
pub(super) fn is_amount(key: &str) -> bool {
    let letters = key.split(|letter: char| !letter.is_ascii_alphabetic());
    letters.flat_map(humps).any(is_word) || PARTS.iter().any(|part| key.contains(part))
}

fn is_word(word: &str) -> bool {
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The words of one that is written like `memoryBytes`.
fn humps(mut letters: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let upper = |byte: &u8| byte.is_ascii_uppercase();
        let large = letters.bytes().take_while(|byte| upper(byte)).count();
        let small = letters
            .bytes()
            .skip(large)
            .take_while(|byte| !upper(byte))
            .count();
        let (word, rest) = letters.split_at(large + small);
        letters = rest;
        (!word.is_empty()).then_some(word)
    })
}
