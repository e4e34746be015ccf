//! No wiring of streams can lock a run, whatever the limits are, and what it gives does not depend on them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lockgate_flow::{Engine, EngineConfig, MemoryCache, RunRequest};
use lockgate_model::*;
use proptest::prelude::*;
use serde_json::{Map, Value as Tree, json};

use crate::clock::VirtualClock;
use crate::fakes::{Nothing, name};
use crate::puppets::{Act, Pace, Scripted, hash, number, port, text_of};

/// The streaming inputs of a node, and its streaming outputs.
const INPUTS: [&str; 3] = ["i0", "i1", "i2"];
const OUTPUTS: [&str; 2] = ["o0", "o1"];

/// What an output holds at most, in bytes: more than pipes have room for.
const MOST: usize = 150_000;

#[derive(Clone)]
struct Wiring(Vec<Piped>);

#[derive(Debug, Clone)]
struct Piped {
    reads: Reads,
    /// Which outputs of which nodes before it, counted around.
    from: Vec<(usize, usize)>,
    /// Whether its last input is read whole.
    joins: bool,
    /// How many parts of what size it makes, where it reads nothing.
    makes: (usize, usize),
    slow: u64,
    is_stubborn: bool,
    is_shown: bool,
}

#[derive(Debug, Clone, Copy)]
enum Reads {
    /// One input after another.
    InRow,
    /// A bit of each in turns.
    InTurns,
    /// So many bytes of the first.
    Some(usize),
}

fn wiring() -> impl Strategy<Value = Wiring> {
    let reads = prop_oneof![
        3 => Just(Reads::InRow),
        3 => Just(Reads::InTurns),
        1 => (0..100_usize).prop_map(Reads::Some),
    ];
    let from = prop::collection::vec((0..30_usize, 0..2_usize), 0..4);
    let makes = prop_oneof![
        2 => (0..60_usize, 1..20_usize),
        1 => (0..20_usize, 5_000..9_000_usize),
        1 => (0..3_usize, 66_000..70_000_usize),
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let node =
        (reads, from, makes, 0..4_u64, flags).prop_map(|(reads, from, makes, slow, flags)| {
            let (joins, is_stubborn, is_shown) = flags;
            Piped {
                reads,
                from,
                joins,
                makes,
                slow,
                is_stubborn,
                is_shown,
            }
        });
    prop::collection::vec(node, 1..10).prop_map(Wiring)
}

/// A node, and one of its outputs.
type Output = (usize, usize);

impl Wiring {
    /// The outputs that a node reads in parts, and the one that it reads whole.
    fn wires(&self, at: usize) -> (Vec<Output>, Option<Output>) {
        let node = &self.0[at];
        let from = node.from.iter().filter(|_| at > 0);
        let mut wires: Vec<_> = from.map(|(need, output)| (need % at, *output)).collect();
        let joined = wires.pop_if(|_| node.joins);
        (wires, joined)
    }

    fn document(&self) -> Tree {
        let mut nodes = Map::new();
        let mut output = Map::new();
        for (at, node) in self.0.iter().enumerate() {
            let (wires, joined) = self.wires(at);
            let reference = |(need, output): (usize, usize)| json!(format!("n{need}.o{output}"));
            let mut wired = Map::new();
            for (input, wire) in INPUTS.iter().zip(wires) {
                wired.insert((*input).to_owned(), reference(wire));
            }
            if let Some(joined) = joined {
                wired.insert("j".to_owned(), reference(joined));
            }
            let with = json!({
                "at": at,
                "turns": matches!(node.reads, Reads::InTurns),
                "takes": match node.reads { Reads::Some(bytes) => json!(bytes), _ => json!(null) },
                "parts": node.makes.0,
                "size": node.makes.1,
                "slow": node.slow,
                "stubborn": node.is_stubborn,
            });
            nodes.insert(
                format!("n{at}"),
                json!({"use": "test/pipe", "in": wired, "with": with}),
            );
            if node.is_shown || at + 1 == self.0.len() {
                output.insert(format!("n{at}"), json!(format!("n{at}.o{}", at % 2)));
            }
        }
        json!({"flow": "t", "nodes": nodes, "output": output})
    }

    /// What a run gives, computed one node after another.
    fn expected(&self) -> Tree {
        let mut gave: Vec<[String; 2]> = Vec::new();
        for (at, node) in self.0.iter().enumerate() {
            let (wires, joined) = self.wires(at);
            let text = |(need, output): (usize, usize)| gave[need][output].clone();
            let mut inputs: Vec<String> = wires.into_iter().map(text).collect();
            let joined = joined.map(text).unwrap_or_default();
            if inputs.is_empty() {
                inputs.push(
                    (0..node.makes.0)
                        .map(|nth| made(at, nth, node.makes.1))
                        .collect(),
                );
            }
            let clip = |text: String| text[..text.len().min(MOST)].to_owned();
            gave.push(match node.reads {
                Reads::InRow => {
                    let all = clip(joined + &inputs.concat());
                    [all.clone(), all]
                }
                Reads::InTurns => {
                    let second = inputs.get(1).cloned().unwrap_or_default();
                    [clip(joined + &inputs[0]), clip(second)]
                }
                Reads::Some(bytes) => {
                    let first = inputs.swap_remove(0);
                    [
                        clip(joined + &first[..bytes.min(first.len())]),
                        String::new(),
                    ]
                }
            });
        }
        let is_shown = |at: &usize| self.0[*at].is_shown || at + 1 == self.0.len();
        let shown = (0..self.0.len()).filter(is_shown);
        shown
            .map(|at| (format!("n{at}"), json!(gave[at][at % 2])))
            .collect::<Map<_, _>>()
            .into()
    }
}

impl fmt::Debug for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.document())
    }
}

/// A part that a source makes.
fn made(at: usize, nth: usize, size: usize) -> String {
    let mut part = format!("{at}:{nth} ");
    part.extend(std::iter::repeat_n('.', size));
    part
}

fn pipes(pace: Pace) -> Scripted {
    use ValueKind::Text;
    let inputs = INPUTS.map(|name| port(name, Text, false, true));
    let ports = Ports {
        inputs: [&inputs[..], &[port("j", Text, false, false)]].concat(),
        outputs: OUTPUTS.map(|name| port(name, Text, true, true)).to_vec(),
    };
    let act: Act = Arc::new(move |call, config| {
        let pace = pace.clone();
        Box::pin(async move {
            CallEnd {
                result: pass_on(call, &config, &pace).await,
                receipt: Receipt::default(),
            }
        })
    });
    Scripted::new().node("pipe", ports, act)
}

/// What a call sent so far.
struct Sent {
    sink: Arc<dyn CallSink>,
    texts: [String; 2],
    is_read: [bool; 2],
    is_stubborn: bool,
}

impl Sent {
    async fn send(&mut self, output: usize, text: &str) {
        let room = MOST - self.texts[output].len();
        let text = &text[..text.len().min(room)];
        self.texts[output] += text;
        if !text.is_empty() && (self.is_read[output] || self.is_stubborn) {
            let part = Value::text(text);
            self.is_read[output] = self.sink.part(&name(OUTPUTS[output]), &part).await;
        }
    }
}

async fn pass_on(call: Call, config: &Tree, pace: &Pace) -> Result<Outputs, CallError> {
    let mut sent = Sent {
        sink: call.sink,
        texts: Default::default(),
        is_read: [true; 2],
        is_stubborn: config["stubborn"] == json!(true),
    };
    let turns = config["turns"] == json!(true);
    let both = !turns && config["takes"].is_null();
    let mut inputs = call.inputs;
    let joined = inputs.iter().position(|(name, _)| name.as_str() == "j");
    if let Some(at) = joined {
        let joined = match inputs.swap_remove(at) {
            (_, Input::Value(joined)) => text_of(&joined),
            (name, Input::Parts(_)) => unreachable!("{name} does not stream"),
        };
        sent.send(0, &joined).await;
        if both {
            sent.send(1, &joined).await;
        }
    }
    inputs.sort_by(|(one, _), (two, _)| one.as_str().cmp(two.as_str()));
    let (at, slow) = (number(config, "at"), number(config, "slow"));
    let mut inputs: Vec<Option<Input>> = inputs.into_iter().map(|(_, input)| Some(input)).collect();
    if inputs.is_empty() {
        let makes = |nth| made(at as usize, nth as usize, number(config, "size") as usize);
        let mut left = config["takes"].as_u64().unwrap_or(u64::MAX) as usize;
        for nth in 0..number(config, "parts") {
            pace.pass(hash((at, nth)) % (slow + 1)).await;
            let part = makes(nth);
            let part = &part[..part.len().min(left)];
            left -= part.len();
            sent.send(0, part).await;
            if both {
                sent.send(1, part).await;
            }
        }
        // Nothing of what a source makes in turns is the second input's.
        return Ok(outputs(sent));
    }
    let mut left = config["takes"].as_u64().unwrap_or(u64::MAX) as usize;
    let mut at = 0;
    while left > 0 && inputs.iter().any(Option::is_some) {
        pace.pass(hash((at, left)) % (slow + 1)).await;
        let nth = at % inputs.len();
        let texts = match inputs[nth].as_mut() {
            None => Vec::new(),
            Some(Input::Value(value)) => {
                let text = text_of(value);
                inputs[nth] = None;
                vec![text]
            }
            Some(Input::Parts(parts)) => {
                let parts = parts.next().await?;
                if parts.is_empty() {
                    inputs[nth] = None;
                }
                parts.iter().map(text_of).collect()
            }
        };
        for text in texts {
            let text = &text[..text.len().min(left)];
            if !config["takes"].is_null() {
                left -= text.len();
            }
            match (turns, nth) {
                (true, 0 | 1) => sent.send(nth, text).await,
                (true, _) => {}
                (false, _) => {
                    sent.send(0, text).await;
                    if both {
                        sent.send(1, text).await;
                    }
                }
            }
        }
        let is_first_only = !config["takes"].is_null();
        if is_first_only && inputs[0].is_none() {
            break;
        }
        if turns || (inputs[nth].is_none() && !is_first_only) {
            at += 1;
        }
    }
    Ok(outputs(sent))
}

fn outputs(sent: Sent) -> Outputs {
    let texts = sent.texts.map(Value::text);
    OUTPUTS.map(name).into_iter().zip(texts).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() })]

    /// At every limit each of several runs at once ends with the right output. One that is locked panics in its clock.
    #[test]
    fn no_wiring_locks_a_run(wiring in wiring(), per_flow in prop::option::of(1..11_u32), per_node in prop::option::of(1..4_u32)) {
        let expected = wiring.expected();
        for places in 1..=wiring.0.len() as u32 + 1 {
            let clock = VirtualClock::default();
            let config = EngineConfig { places, calls_per_flow: per_flow, calls_per_node: per_node, ..EngineConfig::default() };
            let (outputs, most) = clock.runtime().block_on(async {
                let scripted = pipes(Pace::Clock(Arc::new(clock.clone())));
                let plan = scripted.plan(&wiring.document()).await;
                let cache = MemoryCache::new(1 << 20, Arc::new(clock.clone()));
                let engine = Engine::with(config, Arc::new(clock.clone()), Arc::new(cache), None);
                let run = |nth: usize| engine.run(Arc::clone(&plan), RunRequest::new(format!("r{nth}"), json!({})), Arc::new(Nothing));
                let outputs = futures::future::join_all((0..3).map(run)).await;
                (outputs, scripted.calls.most())
            });
            for output in outputs {
                let output = output.map_err(|error| error.to_string());
                prop_assert_eq!(output.as_ref(), Ok(&expected), "{} places", places);
            }
            let allowed = places.min(per_flow.unwrap_or(places));
            prop_assert!(most <= allowed as usize, "{} calls at once, and {} are allowed", most, allowed);
        }
    }
}

#[test]
fn a_long_stream_takes_little_memory() {
    const PARTS: i64 = 100_000;
    let clock = VirtualClock::default();
    let (alive, most, read) = <(Arc<AtomicI64>, Arc<AtomicI64>, Arc<AtomicI64>)>::default();
    let made = (Arc::clone(&alive), Arc::clone(&most));
    let source: Act = Arc::new(move |call, _| {
        let (alive, most) = made.clone();
        Box::pin(async move {
            for _ in 0..PARTS {
                let now = alive.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                call.sink.part(&name("o0"), &Value::text("part")).await;
            }
            end()
        })
    });
    let relay: Act = Arc::new(|mut call, _| {
        Box::pin(async move {
            while let Some(parts) = next(&mut call).await {
                for part in parts {
                    call.sink.part(&name("o0"), &part).await;
                }
            }
            end()
        })
    });
    let (taken, time) = ((Arc::clone(&alive), Arc::clone(&read)), clock.clone());
    let reader: Act = Arc::new(move |mut call, _| {
        let ((alive, read), time) = (taken.clone(), time.clone());
        Box::pin(async move {
            while let Some(parts) = next(&mut call).await {
                time.sleep(std::time::Duration::from_millis(1)).await;
                alive.fetch_sub(parts.len() as i64, Ordering::SeqCst);
                read.fetch_add(parts.len() as i64, Ordering::SeqCst);
            }
            end()
        })
    });
    let ports = || Ports {
        inputs: vec![port("i0", ValueKind::Text, false, true)],
        outputs: vec![port("o0", ValueKind::Text, true, true)],
    };
    let scripted = Scripted::new()
        .node("source", ports(), source)
        .node("relay", ports(), relay)
        .node("reader", ports(), reader);
    let document = json!({
        "flow": "t",
        "nodes": {
            "source": {"use": "test/source"},
            "one": {"use": "test/relay", "in": {"i0": "source.o0"}},
            "two": {"use": "test/relay", "in": {"i0": "one.o0"}},
            "reader": {"use": "test/reader", "in": {"i0": "two.o0"}},
        },
        "output": {"out": "reader.o0"},
    });
    let output = clock.runtime().block_on(async {
        let cache = MemoryCache::new(1 << 20, Arc::new(clock.clone()));
        let engine = Engine::with(
            EngineConfig::default(),
            Arc::new(clock.clone()),
            Arc::new(cache),
            None,
        );
        let plan = scripted.plan(&document).await;
        engine
            .run(plan, RunRequest::new("r", json!({})), Arc::new(Nothing))
            .await
    });
    assert_eq!(output.expect("an output"), json!({"out": ""}));
    assert_eq!(read.load(Ordering::SeqCst), PARTS);
    // Three pipes of 16 parts, as many in the hands of each of the three that read, and one that is being sent.
    let most = most.load(Ordering::SeqCst);
    assert!(most <= 3 * 16 * 2 + 1, "{most} parts were alive at once");
}

#[test]
fn producers_that_nobody_reads_any_more_do_not_end_a_run() {
    // More than a run works on at the same time.
    const PAIRS: usize = 70;
    let clock = VirtualClock::default();
    let time = clock.clone();
    let source: Act = Arc::new(move |call, _| {
        let time = time.clone();
        Box::pin(async move {
            call.sink.part(&name("o0"), &Value::text("part")).await;
            time.sleep(std::time::Duration::from_secs(3600)).await;
            end()
        })
    });
    let reader: Act = Arc::new(|mut call, _| {
        Box::pin(async move {
            next(&mut call).await;
            end()
        })
    });
    let ports = || Ports {
        inputs: vec![port("i0", ValueKind::Text, false, true)],
        outputs: vec![port("o0", ValueKind::Text, true, true)],
    };
    let scripted = Scripted::new()
        .node("source", ports(), source)
        .node("reader", ports(), reader);
    let (mut nodes, mut output) = (Map::new(), Map::new());
    for at in 0..PAIRS {
        nodes.insert(format!("s{at}"), json!({"use": "test/source"}));
        let reader = json!({"use": "test/reader", "in": {"i0": format!("s{at}.o0")}});
        nodes.insert(format!("r{at}"), reader);
        output.insert(format!("o{at}"), json!(format!("r{at}.o0")));
    }
    let document = json!({"flow": "t", "nodes": nodes, "output": output});
    let output = clock.runtime().block_on(async {
        let cache = MemoryCache::new(1 << 20, Arc::new(clock.clone()));
        let (config, clock) = (EngineConfig::default(), Arc::new(clock.clone()));
        let engine = Engine::with(config, clock, Arc::new(cache), None);
        let plan = scripted.plan(&document).await;
        let request = RunRequest::new("r", json!({}));
        engine.run(plan, request, Arc::new(Nothing)).await
    });
    let output = output.expect("an output");
    assert_eq!(output.as_object().map(Map::len), Some(PAIRS));
}

async fn next(call: &mut Call) -> Option<Vec<Value>> {
    let (_, Input::Parts(parts)) = call.inputs.first_mut()? else {
        return None;
    };
    let parts = parts.next().await.ok()?;
    (!parts.is_empty()).then_some(parts)
}

fn end() -> CallEnd {
    CallEnd {
        result: Ok(vec![(name("o0"), Value::text(""))]),
        receipt: Receipt::default(),
    }
}
