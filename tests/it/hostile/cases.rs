//! The table of hostile guests: how each is called, and how it has to end.

use lockgate_model::{
    Breach, CallError, ConfigureError, Exhausted, Failure, FailureKind, Input, Limit, Limits, Trap,
    ValueKind,
};
use lockgate_runtime::{CompileError, LoadError};

use crate::support::calls;

/// A guest, how it is called, and how it has to end.
pub(super) struct Case {
    pub(super) guest: &'static str,
    pub(super) limits: Limits,
    pub(super) inputs: fn() -> Vec<(&'static str, Input)>,
    pub(super) ends: Ends,
    /// A part of what a person reads.
    pub(super) says: &'static str,
}

/// How a guest has to end.
pub(super) enum Ends {
    NotLoaded(fn(&LoadError) -> bool),
    NotConfigured(fn(&ConfigureError) -> bool),
    Fails(fn(&CallError) -> bool),
}

/// Guests that other tests use, and that do no harm here.
pub(super) const ELSEWHERE: &[&str] = &["count", "look-around"];

/// Limits that a guest which wants to reaches soon.
const FEW: Limits = Limits {
    fuel: 100_000_000,
    memory_bytes: 64 << 20,
    copied_bytes: 4 << 20,
    ..Limits::DEFAULT
};

/// Enough of everything but time.
const SHORT: Limits = Limits {
    fuel: Limits::MAX.fuel,
    timeout_ms: 300,
    ..Limits::DEFAULT
};

macro_rules! is {
    ($pattern:pat) => {
        |error| matches!(error, $pattern)
    };
}

macro_rules! exhausted {
    ($limit:ident) => {
        Ends::Fails(is!(CallError::Exhausted(Exhausted {
            limit: Limit::$limit,
            ..
        })))
    };
}

macro_rules! described_badly {
    ($pattern:pat) => {
        Ends::NotLoaded(is!(LoadError::Describe($pattern)))
    };
}

const TRAPS: Ends = Ends::Fails(is!(CallError::Trapped(Trap { .. })));

/// What each guest gets that is a file of `tests/guests`.
pub(super) const CASES: &[Case] = &[
    // It uses up what it has.
    case(
        "spin",
        FEW,
        exhausted!(Fuel),
        "used up its limit on fuel (100000000)",
    ),
    case(
        "spin",
        SHORT,
        exhausted!(Timeout),
        "used up its limit on time (300 ms)",
    ),
    case(
        "fill",
        Limits {
            fuel: 200_000_000,
            ..Limits::DEFAULT
        },
        exhausted!(Fuel),
        "fuel",
    ),
    case("fill", SHORT, exhausted!(Timeout), "time"),
    case("tail-calls", FEW, exhausted!(Fuel), "fuel"),
    case(
        "start-spin",
        FEW,
        described_badly!(CallError::Exhausted(Exhausted {
            limit: Limit::Fuel,
            ..
        })),
        "fuel",
    ),
    case(
        "realloc-spin",
        FEW,
        Ends::NotConfigured(is!(ConfigureError::Node(CallError::Exhausted(Exhausted {
            limit: Limit::Fuel,
            ..
        })))),
        "fuel",
    ),
    case("post-return-spin", FEW, exhausted!(Fuel), "fuel"),
    case("recurse", FEW, TRAPS, "call stack exhausted"),
    case("sleep", SHORT, exhausted!(Timeout), "time"),
    Case {
        inputs: || vec![("parts", calls::never())],
        ..case("wait", SHORT, exhausted!(Timeout), "time")
    },
    case("hoard", FEW, exhausted!(Memory), "memory (67108864 bytes)"),
    case("many-memories", FEW, exhausted!(Memory), "memory"),
    case(
        "big-memory",
        FEW,
        described_badly!(CallError::Exhausted(Exhausted {
            limit: Limit::Memory,
            ..
        })),
        "memory",
    ),
    case(
        "impossible-memory",
        FEW,
        Ends::NotLoaded(is!(LoadError::Compile(CompileError::NoRoom(_)))),
        "no room",
    ),
    case(
        "table-bomb",
        Limits {
            memory_bytes: 2 << 20,
            ..FEW
        },
        exhausted!(Memory),
        "memory",
    ),
    // It gives too much.
    case(
        "huge-output",
        Limits::DEFAULT,
        exhausted!(OutputBytes),
        "output bytes",
    ),
    case(
        "output-alias-bomb",
        Limits::DEFAULT,
        exhausted!(OutputBytes),
        "output bytes",
    ),
    case(
        "part-flood",
        Limits {
            output_bytes: 1 << 20,
            ..Limits::DEFAULT
        },
        exhausted!(OutputBytes),
        "output bytes",
    ),
    case(
        "empty-part-flood",
        FEW,
        exhausted!(OutputBytes),
        "output bytes",
    ),
    case("heedless", FEW, exhausted!(OutputBytes), "output bytes"),
    case("log-flood", FEW, exhausted!(CopiedBytes), "copied bytes"),
    case("stdout-flood", FEW, exhausted!(CopiedBytes), "copied bytes"),
    case("call-storm", FEW, exhausted!(Fuel), "fuel"),
    case("random-storm", FEW, exhausted!(CopiedBytes), "copied bytes"),
    case(
        "random-bomb",
        FEW,
        TRAPS,
        "asked for 18446744073709551615 random bytes",
    ),
    case(
        "leak-handles",
        FEW,
        exhausted!(Resources),
        "resources (100)",
    ),
    case("poll-flood", FEW, exhausted!(Resources), "resources (100)"),
    // It gives up.
    case("divide", FEW, TRAPS, "integer divide by zero"),
    case("unreachable", FEW, TRAPS, "unreachable"),
    case("panic", FEW, TRAPS, "unreachable"),
    case("exit", FEW, TRAPS, "exit(1)"),
    case(
        "start-trap",
        FEW,
        described_badly!(CallError::Trapped(_)),
        "unreachable",
    ),
    // It breaks the canonical ABI.
    case("not-utf8", FEW, TRAPS, "utf-8"),
    case("no-such-case", FEW, TRAPS, "discriminant"),
    case(
        "realloc-lies",
        FEW,
        Ends::NotConfigured(is!(ConfigureError::Node(CallError::Trapped(_)))),
        "realloc",
    ),
    case(
        "describe-not-utf8",
        FEW,
        described_badly!(CallError::Trapped(_)),
        "utf-8",
    ),
    case(
        "describe-out-of-bounds",
        FEW,
        described_badly!(CallError::Trapped(_)),
        "out of bounds",
    ),
    case(
        "describe-alias-bomb",
        FEW,
        described_badly!(CallError::Exhausted(Exhausted {
            limit: Limit::OutputBytes,
            ..
        })),
        "output bytes",
    ),
    // It does not keep its word.
    case(
        "not-json",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::NotJson { .. }))),
        "not JSON",
    ),
    case(
        "deep-json",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::NotJson { .. }))),
        "recursion limit",
    ),
    case(
        "undeclared",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::UnknownOutput { .. }))),
        "gave the output `\\u{1b}[31m",
    ),
    case(
        "twice",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::TwiceGiven { .. }))),
        "`text` twice",
    ),
    case(
        "wrong-kind",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::WrongKind {
            declared: ValueKind::Text,
            given: ValueKind::Json,
            ..
        }))),
        "gave json on the output `text`",
    ),
    case(
        "missing",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::MissingOutput { .. }))),
        "`text`",
    ),
    case(
        "part-nowhere",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::BadPart { .. }))),
        "does not stream",
    ),
    case(
        "mixed-parts",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::BadPart { .. }))),
        "another kind",
    ),
    case(
        "against-schema",
        FEW,
        Ends::Fails(is!(CallError::Breach(Breach::AgainstSchema { .. }))),
        "integer",
    ),
    case(
        "long-failure",
        FEW,
        Ends::Fails(is!(CallError::Failed(Failure {
            kind: FailureKind::Rejected,
            detail: Some(_),
            retry_after_ms: Some(u64::MAX),
            ..
        }))),
        "rejected: éé",
    ),
    case(
        "request",
        FEW,
        Ends::Fails(is!(CallError::Failed(Failure {
            kind: FailureKind::Denied,
            ..
        }))),
        "no grant",
    ),
    // It does not say what it is.
    case(
        "describe-spin",
        FEW,
        described_badly!(CallError::Exhausted(Exhausted {
            limit: Limit::Fuel,
            ..
        })),
        "`describe` used up its limit on fuel",
    ),
    case(
        "describe-lies",
        FEW,
        Ends::NotLoaded(all_its_lies),
        "the plugin's name: `Not Kebab`",
    ),
    case(
        "describe-logs",
        FEW,
        described_badly!(CallError::Breach(Breach::CalledHost {
            function: "log",
            during: "describe"
        })),
        "called log in `describe`",
    ),
    case(
        "configure-emits",
        FEW,
        Ends::NotConfigured(is!(ConfigureError::Node(CallError::Breach(
            Breach::CalledHost {
                function: "emit",
                during: "configure",
            }
        )))),
        "called emit in `configure`",
    ),
    case(
        "configure-lies",
        FEW,
        Ends::NotConfigured(is!(ConfigureError::Ports(_))),
        "an output's name: `Bad Name`",
    ),
    case(
        "schema-chain-config",
        FEW,
        Ends::NotConfigured(is!(ConfigureError::Node(CallError::Exhausted(Exhausted {
            limit: Limit::Fuel,
            ..
        })))),
        "fuel",
    ),
    case("schema-chain-output", FEW, exhausted!(Fuel), "fuel"),
    case(
        "schema-remote",
        FEW,
        Ends::NotLoaded(is!(LoadError::Malformed(_))),
        "a reference leads nowhere",
    ),
    case(
        "schema-pattern",
        FEW,
        Ends::NotLoaded(is!(LoadError::Malformed(_))),
        "is not a pattern here",
    ),
    // It wants what nobody gives.
    case(
        "sockets",
        FEW,
        Ends::NotLoaded(is!(LoadError::NotOffered { .. })),
        "wasi:sockets/tcp@0.2.6",
    ),
    case(
        "stranger",
        FEW,
        Ends::NotLoaded(is!(LoadError::NotOffered { .. })),
        "acme:secrets/vault@1.0.0",
    ),
    case(
        "newer",
        FEW,
        Ends::NotLoaded(is!(LoadError::NotOffered { .. })),
        "lockgate:node/http@0.9.0",
    ),
    case(
        "wrong-import",
        FEW,
        Ends::NotLoaded(is!(LoadError::WrongType(_))),
        "lockgate:node/log@0.1.0",
    ),
    case(
        "wrong-export",
        FEW,
        Ends::NotLoaded(is!(LoadError::WrongType(_))),
        "describe",
    ),
    case(
        "module-import",
        FEW,
        Ends::NotLoaded(is!(LoadError::WrongType(_))),
        "core module",
    ),
    case(
        "other-plugin",
        FEW,
        Ends::NotLoaded(is!(LoadError::NoContract { .. })),
        "lockgate:node/plugin@9.0.0",
    ),
    case(
        "async",
        FEW,
        Ends::NotLoaded(is!(LoadError::Compile(CompileError::Invalid(_)))),
        "async",
    ),
    case(
        "instance-bomb",
        FEW,
        Ends::NotLoaded(is!(LoadError::Invalid(_))),
        "134217728 core instances; 200 is the most",
    ),
];

/// A case without inputs.
const fn case(guest: &'static str, limits: Limits, ends: Ends, says: &'static str) -> Case {
    Case {
        guest,
        limits,
        inputs: Vec::new,
        ends,
        says,
    }
}

/// Every lie of `describe-lies`, all at once.
fn all_its_lies(error: &LoadError) -> bool {
    let LoadError::Malformed(faults) = error else {
        return false;
    };
    [
        "the plugin's name: `Not Kebab`",
        "the version `one` is not a semantic version",
        "a node's name: `\\u{1b}]0;pwned\\u{7}`",
        "it has a summary of 1048576 bytes",
        "the configuration's schema is no JSON Schema",
        "two inputs are called `twin`",
        "an output's name: `input`",
        "output `json`: its schema is not a JSON document",
        "output `text`: it has a JSON Schema, but carries text",
    ]
    .iter()
    .all(|lie| faults.iter().any(|fault| fault.contains(lie)))
}
