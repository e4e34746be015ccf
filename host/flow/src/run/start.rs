//! What can start is started: expressions are evaluated, nodes skipped, pipes laid, elements begun.

use std::sync::Arc;

use lockgate_model::{
    CallError, Failure, FailureKind, Ident, NodeOutcome, NodeReceipt, SkipReason, Value,
};
use serde_json::Value as Tree;

use super::fan::{self, Fan};
use super::feed::Feed;
use super::job::{self, Job, Piped};
use super::pipe::{Inlet, Outlet, pipe};
use super::values::{Element, Nothing};
use super::{Done, MAX_RUNNING, Run, RunError, Site, Step};
use crate::document::OnFailure;
use crate::engine::Shared;
use crate::expression::ExpressionError;
use crate::plan::{Each, PlanExpr};

/// What an expression of a node came to.
enum Came<T> {
    To(T),
    /// The node does not run, and the run knows.
    Over,
}

/// Jobs that are tied to each other as they are made.
#[derive(Default)]
struct Group {
    jobs: Vec<Job>,
    /// The pipes out of nodes of the group: the node, the output, and where its parts go in.
    inlets: Vec<(u32, Ident, Inlet)>,
}

impl Run<'_> {
    /// Starts what is ready: the first of it in the place of the run itself, if that is free, and the others as tasks.
    pub(super) fn start_ready(&mut self, place_is_free: bool) -> Result<Option<Job>, RunError> {
        let mut first: Option<Job> = None;
        while self.running < MAX_RUNNING {
            let Some(step) = self.ready.pop_front() else {
                break;
            };
            let jobs = match step {
                Step::Unit(unit) => self.start_unit(unit)?,
                Step::Element(node) => self.start_element(node)?.into_iter().collect(),
            };
            for job in jobs {
                self.running += 1;
                if place_is_free && first.is_none() {
                    first = Some(job);
                } else {
                    self.spawn(job);
                }
            }
        }
        Ok(first)
    }

    pub(super) fn spawn(&mut self, job: Job) {
        let context = Arc::clone(self.context);
        self.tasks
            .spawn(async move { Done::Ended(job::run(context, job).await) });
    }

    /// The jobs of a unit that can start at once.
    fn start_unit(&mut self, unit: u32) -> Result<Vec<Job>, RunError> {
        let members = self.state.members(&unit);
        let mut group = Group::default();
        for &node in members {
            // What was given, or is not needed, does not run.
            if self.state.values.slots[node as usize].is_open() {
                self.start_node(node, &mut group)?;
            }
        }
        let jobs = self.with_feeds(group);
        if jobs.len() < 2 {
            return Ok(jobs);
        }
        Ok(self.admit(jobs))
    }

    /// Makes the job of a node, unless it is skipped, fails, or goes through a list.
    fn start_node(&mut self, node: u32, group: &mut Group) -> Result<(), RunError> {
        let plan_node = self.node(node);
        if let Some(when) = &plan_node.when {
            match self.came_to(node, self.state.values.truth(when), when, |node| {
                Site::When { node }
            })? {
                Came::To(true) => {}
                Came::To(false) => {
                    self.skip(node, SkipReason::When);
                    return Ok(());
                }
                Came::Over => return Ok(()),
            }
        }
        if let Some(each) = &plan_node.each {
            return self.start_each(node, each);
        }
        let mut inputs = Vec::with_capacity(plan_node.wires.len());
        let mut outlets = Vec::new();
        for wire in &plan_node.wires {
            // Whoever it is piped from starts before it in the same group, if it starts at all.
            let source = wire.piped_from().filter(|_| self.state.is_piping());
            if let Some((source, port)) = source
                && group.jobs.iter().any(|job| job.node == source)
            {
                let (inlet, outlet) = pipe();
                let output = self.node(source).outputs[port as usize].name.clone();
                outlets.push((wire.name.clone(), outlet, source, output, inlet));
                continue;
            }
            let value = self.state.values.input(wire, None);
            let site = |node| Site::Input {
                node,
                port: wire.name.clone(),
            };
            match self.came_to(node, value, &wire.expr, site)? {
                Came::To(Some(value)) => inputs.push((wire.name.clone(), value)),
                Came::To(None) => {}
                Came::Over => return Ok(()),
            }
        }
        self.state.has_read(node);
        self.context.count_call()?;
        let mut piped: Vec<(Ident, Outlet)> = Vec::with_capacity(outlets.len());
        for (name, outlet, source, output, inlet) in outlets {
            group.inlets.push((source, output, inlet));
            piped.push((name, outlet));
        }
        group.jobs.push(Job {
            node,
            index: None,
            batch: None,
            inputs,
            piped: Piped {
                outlets: piped,
                ..Piped::default()
            },
        });
        Ok(())
    }

    /// Ties the jobs of a group to the pipes that their parts go into.
    fn with_feeds(&mut self, group: Group) -> Vec<Job> {
        let Group {
            mut jobs,
            mut inlets,
        } = group;
        for job in &mut jobs {
            let pipes: Vec<_> = inlets
                .extract_if(.., |(node, ..)| *node == job.node)
                .map(|(_, output, inlet)| (output, inlet))
                .collect();
            if !pipes.is_empty() {
                let read_whole = self.state.is_read_whole(job.node);
                let feed = Arc::new(Feed::new(pipes, read_whole));
                self.feeds.insert(job.node, Arc::clone(&feed));
                job.piped.feed = Some(feed);
            }
        }
        jobs
    }

    /// Takes the places of all jobs of a group together: at once, or in a task that waits for them.
    fn admit(&mut self, mut jobs: Vec<Job>) -> Vec<Job> {
        let nodes: Vec<u32> = jobs.iter().map(|job| job.node).collect();
        let places = |node: &u32| self.node(*node).work.places().unwrap_or(0);
        let all = nodes.iter().map(places).sum();
        if self.context.shares.are_free()
            && let Some(mut permit) = self.context.engine.gate.try_enter(all)
        {
            for (job, node) in jobs.iter_mut().zip(&nodes) {
                let permit = permit.split(places(node));
                job.piped.admitted = Some((permit, Shared::default()));
            }
            return jobs;
        }
        self.running += jobs.len();
        let context = Arc::clone(self.context);
        self.tasks.spawn(async move {
            let since = context.engine.clock.now();
            let places = context.admit_together(&nodes).await;
            let queued = context.engine.clock.now().saturating_sub(since);
            for job in &mut jobs {
                job.piped.queued = queued;
            }
            Done::Admitted(jobs, places)
        });
        Vec::new()
    }

    /// Begins to go through a list.
    fn start_each(&mut self, node: u32, each: &Each) -> Result<(), RunError> {
        // What no element could do without is looked for before any of them begins.
        for wire in &self.node(node).wires {
            if wire.is_lone() && !wire.is_of_element() {
                let value = self.state.values.input(wire, None).map(|_| ());
                let site = |node| Site::Input {
                    node,
                    port: wire.name.clone(),
                };
                if let Came::Over = self.came_to(node, value, &wire.expr, site)? {
                    return Ok(());
                }
            }
        }
        let elements = self.state.values.elements(&each.items);
        let elements =
            match self.came_to(node, elements, &each.items, |node| Site::Each { node })? {
                Came::To(elements) => elements,
                Came::Over => return Ok(()),
            };
        let (count, most) = (elements.len(), self.context.engine.config.elements);
        if count > most {
            let message =
                format!("`each` has {count} elements, and at most {most} are allowed here");
            let failure = Failure::new(FailureKind::InvalidInput, message);
            return self.failed_at_start(node, failure.into());
        }
        let parts = fan::parts(count, each.batch.map(|batch| batch as usize)) as u32;
        let events = &self.context.root.events;
        let mark = events.begin(&self.place(node), 0, Vec::new(), Some(parts));
        let fan = Fan::new(mark, elements, each.batch);
        let is_over = fan.is_over();
        self.fans.insert(node, fan);
        if is_over {
            return self.fan_over(node);
        }
        for _ in 0..parts.min(each.concurrency) {
            self.ready.push_back(Step::Element(node));
        }
        Ok(())
    }

    /// The job of the next element of a node that goes through a list.
    fn start_element(&mut self, node: u32) -> Result<Option<Job>, RunError> {
        let Some(item) = self.fans.get_mut(&node).and_then(Fan::next) else {
            return Ok(None);
        };
        self.context.count_call()?;
        let index = Tree::from(item.index);
        let element = Element {
            item: &item.tree,
            index: &index,
        };
        match self.element_inputs(node, element) {
            Ok(inputs) => Ok(Some(Job {
                node,
                index: Some(item.index),
                batch: item.batch,
                inputs,
                piped: Piped::default(),
            })),
            Err(error) => {
                self.element_failed(node, &item, error)?;
                Ok(None)
            }
        }
    }

    fn element_inputs(
        &self,
        node: u32,
        element: Element<'_>,
    ) -> Result<Vec<(Ident, Value)>, RunError> {
        let plan_node = self.node(node);
        let mut inputs = Vec::with_capacity(plan_node.wires.len());
        for wire in &plan_node.wires {
            let value = self.state.values.input(wire, Some(element));
            let value = value.map_err(|nothing| {
                let site = Site::Input {
                    node: plan_node.name.clone(),
                    port: wire.name.clone(),
                };
                self.broken(site, &wire.expr, failed(nothing))
            })?;
            inputs.extend(value.map(|value| (wire.name.clone(), value)));
        }
        Ok(inputs)
    }

    /// An element's inputs could not be computed.
    fn element_failed(
        &mut self,
        node: u32,
        item: &fan::Item,
        error: RunError,
    ) -> Result<(), RunError> {
        if self.node(node).on_failure == OnFailure::Fail {
            return Err(error);
        }
        let failure = Failure::new(FailureKind::InvalidInput, error.to_string());
        let failure = Arc::new(CallError::from(failure));
        let mut place = self.place(node);
        place.at.index = Some(item.index);
        let events = &self.context.root.events;
        let mark = events.begin(&place, 0, Vec::new(), None);
        let outcome = NodeOutcome::Failed(Arc::clone(&failure));
        let receipt = NodeReceipt::default();
        events.end(mark, outcome, receipt.clone());
        self.element_ended(node, item.index, item.batch, Some(Err(failure)), &receipt)
    }

    /// What an expression of a node came to: a value, or that the node is skipped or failed.
    fn came_to<T>(
        &mut self,
        node: u32,
        result: Result<T, Nothing>,
        expr: &PlanExpr,
        site: impl FnOnce(Ident) -> Site,
    ) -> Result<Came<T>, RunError> {
        let reason = match result {
            Ok(value) => return Ok(Came::To(value)),
            Err(Nothing::Needs(other)) => {
                self.skip(node, SkipReason::Needs(other));
                return Ok(Came::Over);
            }
            Err(Nothing::Failed(reason)) => reason,
        };
        let error = self.broken(site(self.node(node).name.clone()), expr, reason);
        self.expression_failed(node, error)?;
        Ok(Came::Over)
    }

    fn broken(&self, site: Site, expr: &PlanExpr, reason: ExpressionError) -> RunError {
        RunError::Expression {
            site,
            place: self.context.plan.source.place(expr.at),
            reason,
        }
    }
}

/// Within a list, what is not there because a node was skipped is simply not there.
fn failed(nothing: Nothing) -> ExpressionError {
    match nothing {
        Nothing::Failed(error) => error,
        Nothing::Needs(node) => ExpressionError::Failed(format!(
            "it needs an output of `{node}`, which did not run to its end"
        )),
    }
}
