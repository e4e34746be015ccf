//! The order of a flow's nodes, and the cycles that leave it none.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use crate::document::FlowDocument;
use crate::excerpt::quoted;
use crate::fault::{Code, Findings};

/// How many nodes of a cycle its message names.
const MAX_NAMED: usize = 12;

/// The nodes, each after those that it needs, in the document's order where that leaves a choice. A fault for each group
/// of nodes that wait for each other.
pub(super) fn order(
    document: &FlowDocument,
    needs: &[Vec<usize>],
    findings: &mut Findings,
) -> Vec<usize> {
    let mut dependents = vec![Vec::new(); needs.len()];
    for (node, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|&need| dependents[need].push(node));
    }
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let is_ready = |node: &usize| needs[*node].is_empty();
    let mut ready: BinaryHeap<_> = (0..needs.len()).filter(is_ready).map(Reverse).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for &dependent in &dependents[node] {
            waiting[dependent] -= 1;
            if waiting[dependent] == 0 {
                ready.push(Reverse(dependent));
            }
        }
    }
    if order.len() < needs.len() {
        for group in knots(needs) {
            report(document, needs, &group, findings);
        }
    }
    order
}

fn report(document: &FlowDocument, needs: &[Vec<usize>], group: &[usize], findings: &mut Findings) {
    let first = group.iter().copied().min().unwrap_or_default();
    let path = cycle_through(first, needs, group);
    let name = |&node: &usize| quoted(&document.nodes[node].key);
    let mut names: Vec<_> = path.iter().take(MAX_NAMED).map(name).collect();
    if path.len() > MAX_NAMED {
        names.push(format!("… ({} more)", path.len() - MAX_NAMED));
    }
    names.push(name(&first));
    let node = &document.nodes[first];
    let message = if path.len() == 1 {
        format!("the node `{}` waits for itself", names[0])
    } else {
        format!("these nodes wait for each other: {}", names.join(" → "))
    };
    // The reference that closes the cycle at its first node.
    let next = &document.nodes[path.get(1).copied().unwrap_or(first)].key;
    let mentions = |expr: &&crate::document::Expr| {
        expr.expression.as_ref().is_some_and(|expression| {
            expression
                .references
                .iter()
                .any(|reference| reference.root == *next)
        })
    };
    let at = node.exprs().find(mentions).map_or_else(
        || node.key_span.clone(),
        |expr| expr.place_of(&document.source, next),
    );
    findings
        .add(Code::Cycle, &at, message)
        .help("a node starts when what it refers to is there: remove one of the references");
}

/// A shortest cycle through `start`, in the order in which each waits for the next.
fn cycle_through(start: usize, needs: &[Vec<usize>], group: &[usize]) -> Vec<usize> {
    let mut reached: HashMap<usize, usize> = HashMap::new();
    let inside: std::collections::HashSet<usize> = group.iter().copied().collect();
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for &need in needs[node].iter().filter(|need| inside.contains(need)) {
            if need == start {
                let mut path = vec![node];
                while let Some(&before) = reached
                    .get(&path[path.len() - 1])
                    .filter(|_| path[path.len() - 1] != start)
                {
                    path.push(before);
                }
                path.reverse();
                return path;
            }
            if need != start && !reached.contains_key(&need) {
                reached.insert(need, node);
                open.push_back(need);
            }
        }
    }
    vec![start]
}

/// The groups of nodes that wait for each other: the strongly connected components with a cycle, by Tarjan's algorithm,
/// without recursion because a flow may be a chain of ten thousand nodes.
fn knots(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut seen_as = vec![UNSEEN; needs.len()];
    let mut lowest = vec![0; needs.len()];
    let mut on_stack = vec![false; needs.len()];
    let (mut stack, mut seen, mut knots) = (Vec::new(), 0, Vec::new());
    for root in 0..needs.len() {
        if seen_as[root] != UNSEEN {
            continue;
        }
        let mut open = vec![(root, 0)];
        while let Some((node, next)) = open.pop() {
            if next == 0 {
                (seen_as[node], lowest[node]) = (seen, seen);
                seen += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(&need) = needs[node].get(next) {
                open.push((node, next + 1));
                if seen_as[need] == UNSEEN {
                    open.push((need, 0));
                } else if on_stack[need] {
                    lowest[node] = lowest[node].min(seen_as[need]);
                }
                continue;
            }
            if let Some(&(parent, _)) = open.last() {
                lowest[parent] = lowest[parent].min(lowest[node]);
            }
            if lowest[node] == seen_as[node] {
                let at = stack
                    .iter()
                    .rposition(|&other| other == node)
                    .unwrap_or_default();
                let group = stack.split_off(at);
                group.iter().for_each(|&member| on_stack[member] = false);
                if group.len() > 1 || needs[node].contains(&node) {
                    knots.push(group);
                }
            }
        }
    }
    knots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_knot_is_found_once() {
        // 0 ⇄ 1, both needed by 2 → 3 → 4 → 2; 5 needs itself; 6 is free.
        let needs = [
            vec![1],
            vec![0],
            vec![3, 1],
            vec![4],
            vec![2],
            vec![5],
            vec![5],
        ]
        .map(|list: Vec<usize>| list);
        let mut knots = knots(&needs);
        knots.iter_mut().for_each(|group| group.sort_unstable());
        knots.sort();
        assert_eq!(knots, [vec![0, 1], vec![2, 3, 4], vec![5]]);
        assert_eq!(cycle_through(2, &needs, &[2, 3, 4]), [2, 3, 4]);
        assert_eq!(cycle_through(5, &needs, &[5]), [5]);
    }

    #[test]
    fn a_cycle_of_a_hundred_thousand_nodes_is_found() {
        let count = 100_000;
        let needs: Vec<Vec<usize>> = (0..count).map(|node| vec![(node + 1) % count]).collect();
        let knots = knots(&needs);
        assert_eq!(knots.len(), 1);
        assert_eq!(cycle_through(0, &needs, &knots[0]).len(), count);
    }
}
