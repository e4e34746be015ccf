//! `prompt-template`: a Jinja template whose variables are the node's inputs.

mod place;
mod plain;
mod value;

use std::collections::BTreeSet;

use lockgate_sdk::{port_name_fault, prelude::*};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

/// The name under which the environment holds the one template. It never shows.
const NAME: &str = "template";
/// How deep blocks, macros and recursive loops nest while rendering: less than what the sandbox's stack holds. How much is
/// rendered in all is bounded by the sandbox's fuel and memory.
const MAX_RENDER_DEPTH: usize = 100;

/// The functions that templates have; a variable of such a name would never be asked for.
const FUNCTIONS: [&str; 4] = ["debug", "dict", "namespace", "range"];

#[derive(Deserialize, JsonSchema)]
pub(crate) struct TemplateConfig {
    /// A Jinja template (minijinja). Each of its variables is an input of the node: `Write about {{ topic }}.`
    template: String,
    /// Variables that a flow may leave out. The template asks with `is defined`, or uses `default`.
    #[serde(default)]
    optional: BTreeSet<String>,
}

/// A template. Most calls have it filled without the engine, so it is parsed only where the engine is asked.
pub(crate) struct Template {
    source: String,
    optional: BTreeSet<String>,
}

/// Renders a template into a prompt.
///
/// Text and JSON values are what they are in the template: `{{ user.name }}` reads a field of the JSON input `user`, and
/// `{% for line in lines %}` goes through a list. Nothing is escaped. A variable that is not there is a failure.
#[node(template, pure, output(text = "The prompt."))]
pub(crate) fn prompt_template(template: Config<Template>, variables: Values) -> Result<String> {
    let source = &template.0.source;
    match plain::fill(source, &variables) {
        Some(prompt) => Ok(prompt),
        None => render(source, variables),
    }
}

/// Has the engine render a template.
fn render(source: &str, variables: Values) -> Result<String> {
    let environment = environment(source)?;
    let context = value::context(variables)?;
    let render = |template: minijinja::Template<'_, '_>| template.render(context);
    environment
        .get_template(NAME)
        .and_then(render)
        .map_err(|error| place::failure(&error, source))
}

impl Configure for Template {
    type Config = TemplateConfig;

    fn configure(config: TemplateConfig) -> Result<Self> {
        let TemplateConfig {
            template: source,
            optional,
        } = config;
        Ok(Self { source, optional })
    }

    fn ports(&self) -> Result<Ports> {
        let variables = variables(&environment(&self.source)?, &self.source)?;
        let mut optional = self.optional.iter();
        if let Some(unknown) = optional.find(|name| !variables.contains(name)) {
            let message =
                format!("the template has no variable `{unknown}` that could be left out");
            return Err(Failure::invalid_input(message).at("/optional"));
        }
        let inputs = variables.into_iter().map(|name| {
            let port = Port::input::<Value>(&name, format!("The template's variable `{name}`."));
            if self.optional.contains(&name) {
                port.optional()
            } else {
                port
            }
        });
        Ok(Ports {
            inputs: inputs.collect(),
            outputs: Vec::new(),
        })
    }
}

/// The engine, with this template parsed.
fn environment(source: &str) -> Result<Environment<'_>> {
    let mut environment = if is_plain(source) {
        Environment::empty()
    } else {
        Environment::new()
    };
    environment.set_debug(true); // so that errors know their place
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_recursion_limit(MAX_RENDER_DEPTH);
    environment.set_formatter(value::write);
    environment.remove_global("debug"); // writes out all variables
    // What stands in the template comes out, its last line end too.
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment
        .add_template(NAME, source)
        .map_err(|error| place::failure(&error, source))?;
    Ok(environment)
}

/// Whether a template only puts variables into text. Such a one needs none of the filters, tests and
/// functions that are built in, and to register those costs a call more than all the rest of it.
fn is_plain(source: &str) -> bool {
    !source.contains("{%")
        && source.split("{{").skip(1).all(|after| {
            let path = after.split("}}").next().unwrap_or_default().trim();
            let mut names = path.split('.');
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            path.bytes().all(|byte| is_name(byte) || byte == b'.')
                && names.next().is_some_and(|name| !FUNCTIONS.contains(&name))
        })
}

/// The template's variables in the order of their first use, each with a name that a port can have.
fn variables(environment: &Environment<'_>, source: &str) -> Result<Vec<String>> {
    let template = environment
        .get_template(NAME)
        .map_err(|error| place::failure(&error, source))?;
    let functions = environment
        .globals()
        .map(|(name, _)| name)
        .collect::<BTreeSet<_>>();
    let used = template.undeclared_variables(false).into_iter();
    let mut variables = used
        .filter(|name| !functions.contains(name.as_str()))
        .collect::<Vec<_>>();
    variables.sort_by_key(|name| (place::of_variable(source, name), name.clone()));
    for name in &variables {
        if let Some(fault) = port_name_fault(name) {
            let message = format!(
                "the variable `{name}` would be an input of the node, and cannot be: the name {fault}; use another"
            );
            let offset = place::of_variable(source, name);
            return Err(place::at(Failure::invalid_input(message), source, offset));
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests;
