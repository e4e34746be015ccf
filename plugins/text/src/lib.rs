//! The plugin `text`: templates, and what a text needs before and after a model sees it. Every node is pure.

mod classify;
mod clean;
mod hash_embed;
mod join;
mod prompt_template;
mod split;
mod upper;

lockgate_sdk::plugin! {
    name: "text",
    summary: "Templates, and what a text needs before and after a model sees it.",
    nodes: [
        prompt_template::prompt_template,
        clean::clean,
        split::split,
        join::join,
        upper::upper,
        hash_embed::hash_embed,
        classify::classify,
    ],
}
