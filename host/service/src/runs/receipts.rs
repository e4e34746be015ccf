//! What the nodes of a run used, as an answer tells it.

use std::borrow::Cow;

use lockgate_model::RunEvent;

use super::lines::Line;
use super::{MAX_RECEIPTS, ReceiptDoc, ReceiptView};

/// How many receipts are held while they are collected. With more, those of elements go.
const MAX_HELD: usize = 4 * MAX_RECEIPTS;

/// The receipts of a run, collected from its events.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    held: Vec<ReceiptView>,
    left_out: usize,
}

impl Receipts {
    /// Hears of an event as it was made.
    pub(crate) fn hear(&mut self, event: &RunEvent) {
        let RunEvent::NodeFinished {
            at,
            outcome,
            receipt,
        } = event
        else {
            return;
        };
        self.push(ReceiptView {
            within: at.within.clone(),
            node: at.node.as_str().into(),
            index: at.index,
            outcome: outcome.word().into(),
            receipt: ReceiptDoc::Made(Box::new(receipt.clone())),
        });
    }

    /// Reads an event as it was kept.
    pub(crate) fn read(&mut self, line: &Line<'_>) {
        let (Some(outcome), Some(receipt)) = (&line.outcome, line.receipt) else {
            return;
        };
        self.push(ReceiptView {
            within: (*line.within).into(),
            node: (*line.node).into(),
            index: line.index,
            outcome: Cow::Owned(outcome.to_string()),
            receipt: ReceiptDoc::Kept(receipt.to_owned()),
        });
    }

    fn push(&mut self, receipt: ReceiptView) {
        self.held.push(receipt);
        if self.held.len() > MAX_HELD {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let before = self.held.len();
        if before <= MAX_RECEIPTS {
            return;
        }
        self.held.retain(|receipt| receipt.index.is_none());
        self.held.truncate(MAX_RECEIPTS);
        self.left_out += before - self.held.len();
    }

    /// The receipts, and how many are left out.
    pub(crate) fn finish(mut self) -> (Vec<ReceiptView>, usize) {
        self.shrink();
        (self.held, self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_of_elements_are_left_out_first() {
        let receipt = |index| ReceiptView {
            within: "".into(),
            node: "a".into(),
            index,
            outcome: "ok".into(),
            receipt: ReceiptDoc::Made(Box::default()),
        };
        let mut few = Receipts::default();
        (0..MAX_RECEIPTS as u32).for_each(|index| few.push(receipt(Some(index))));
        assert_eq!(few.finish().0.len(), MAX_RECEIPTS);
        let mut many = Receipts::default();
        (0..10_000).for_each(|index| many.push(receipt(Some(index))));
        many.push(receipt(None));
        let (held, left_out) = many.finish();
        assert_eq!((held.len(), left_out), (1, 10_000));
        let mut whole = Receipts::default();
        (0..10_000).for_each(|_| whole.push(receipt(None)));
        let (held, left_out) = whole.finish();
        assert_eq!((held.len(), left_out), (MAX_RECEIPTS, 9_000));
    }
}
