//! The built-in component that evaluates the JSON Schemas of plugins, inside the sandbox.
