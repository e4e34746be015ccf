//! The plugin `offline`: stands in for services, so that a flow runs without a network and without a key.

mod chain;
mod chance;
mod corpus;
mod failing;
mod model;
mod stop;
mod token;
mod walk;

lockgate_sdk::plugin! {
    name: "offline",
    summary: "Stands in for services where there is no network.",
    nodes: [model::model],
}
