//! `prompt-template`: a Jinja template whose variables are the node's inputs.

mod place;
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

#[derive(Deserialize, JsonSchema)]
pub(crate) struct TemplateConfig {
    /// A Jinja template (minijinja). Each of its variables is an input of the node: `Write about {{ topic }}.`
    template: String,
    /// Variables that a flow may leave out. The template asks with `is defined`, or uses `default`.
    #[serde(default)]
    optional: BTreeSet<String>,
}

/// A template that parses, and its variables.
pub(crate) struct Template {
    environment: Environment<'static>,
    source: String,
    /// In the order of their first use, each with whether it may be left out.
    variables: Vec<(String, bool)>,
}

/// Renders a template into a prompt.
///
/// Text and JSON values are what they are in the template: `{{ user.name }}` reads a field of the JSON input `user`, and
/// `{% for line in lines %}` goes through a list. Nothing is escaped. A variable that is not there is a failure.
#[node(template, pure, output(text = "The prompt."))]
pub(crate) fn prompt_template(template: Config<Template>, variables: Values) -> Result<String> {
    let context = value::context(variables)?;
    let template = &template.0;
    let render = |template: minijinja::Template<'_, '_>| template.render(context);
    template
        .environment
        .get_template(NAME)
        .and_then(render)
        .map_err(|error| place::failure(&error, &template.source))
}

impl Configure for Template {
    type Config = TemplateConfig;

    fn configure(config: TemplateConfig) -> Result<Self> {
        let TemplateConfig {
            template: source,
            optional,
        } = config;
        let mut environment = environment();
        environment
            .add_template_owned(NAME, source.clone())
            .map_err(|error| place::failure(&error, &source))?;
        let variables = variables(&environment, &source)?;
        if let Some(unknown) = optional.iter().find(|name| !variables.contains(name)) {
            let message =
                format!("the template has no variable `{unknown}` that could be left out");
            return Err(Failure::invalid_input(message).at("/optional"));
        }
        let variables = variables.into_iter().map(|name| {
            let optional = optional.contains(&name);
            (name, optional)
        });
        Ok(Self {
            variables: variables.collect(),
            environment,
            source,
        })
    }

    fn ports(&self) -> Ports {
        let inputs = self.variables.iter().map(|(name, optional)| {
            let port = Port::input::<Value>(name, format!("The template's variable `{name}`."));
            if *optional { port.optional() } else { port }
        });
        Ports {
            inputs: inputs.collect(),
            outputs: Vec::new(),
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
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
