//! Templates that only put texts into text, as most prompts do: to parse and render one costs the engine much more.

use lockgate_sdk::{Value, Values};

/// The prompt, if the template has nothing but text and variables, and each of them is a text. All else, faults among it,
/// is the engine's.
pub(super) fn fill(source: &str, variables: &Values) -> Option<String> {
    let mut prompt = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(brace) = rest.find('{') {
        prompt.push_str(&rest[..brace]);
        rest = &rest[brace + 1..];
        match rest.as_bytes().first() {
            Some(b'{') => {
                let end = rest.find('}')?;
                let Value::Text(text) = variables.get(rest[1..end].trim_ascii())? else {
                    return None;
                };
                prompt.push_str(text);
                rest = rest[end + 1..].strip_prefix('}')?;
            }
            Some(b'%' | b'#') => return None,
            _ => prompt.push('{'),
        }
    }
    prompt.push_str(rest);
    Some(prompt)
}
