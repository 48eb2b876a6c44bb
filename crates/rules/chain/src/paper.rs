//! What is written from the table of fields: the schema, the template, the reference.

use crate::config::SECTIONS;
use crate::field::{Field, Section};
use serde_json::{Value, json};

/// Widest line of a comment in the template.
const WIDTH: usize = 110;

/// Returns the JSON Schema (draft 2020-12) of a file. It knows types, ranges and names; what has to fit together is
/// known to [`check`](crate::check) alone.
pub fn schema() -> Value {
    let mut root = object(&SECTIONS[0]);
    for section in SECTIONS.iter().skip(1) {
        let mut place = &mut root;
        let mut steps = section.path.split('.').peekable();
        while let Some(step) = steps.next() {
            if steps.peek().is_none() {
                if section.is_required
                    && let Some(required) = place["required"].as_array_mut()
                {
                    required.push(json!(step));
                }
                place["properties"][step] = object(section);
            } else {
                place = &mut place["properties"][step];
            }
        }
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("A Talea chain");
    root["description"] = json!("What defines a chain, and what its operator decides.");
    root
}

fn object(section: &Section) -> Value {
    let mut properties = json!({});
    for field in section.fields {
        let mut schema = field.shape.schema();
        schema["description"] = json!(field.about.trim());
        properties[field.key] = schema;
    }
    let required: Vec<_> =
        section.fields.iter().filter(|field| field.shape.is_required()).map(|field| field.key).collect();
    json!({
        "type": "object", "description": section.about.trim(), "properties": properties, "required": required,
        "additionalProperties": false,
    })
}

/// Returns a file for a chain of that name on this machine, with every field and what it means. What may be left out
/// stands there as a comment.
pub fn template(name: &str) -> String {
    let mut text =
        String::from("# A chain of Talea. `talea chain check` says everything that is wrong with this file.\n");
    for section in SECTIONS {
        text.push('\n');
        let mark = if section.is_required { "" } else { "# " };
        if !section.path.is_empty() {
            text.push_str(&comment(section.about.trim()));
            text.push_str(&format!("{mark}[{}]\n", section.path));
        }
        for field in section.fields {
            // What is left out without harm stands as an example; a list that is empty says so itself.
            let is_example = !field.shape.is_required() && field.standard != "[]" && !is_default(section, field.key);
            let mark = if is_example { "# " } else { mark };
            let value = if field.key == "name" { json!(name).to_string() } else { field.standard.to_owned() };
            let later = later(field).map(|later| format!(" {later}")).unwrap_or_default();
            let about = format!("{} Must be {}.{later}", field.about.trim(), field.shape.bound());
            text.push_str(&comment(&about));
            text.push_str(&format!("{mark}{} = {value}\n", field.key));
        }
    }
    text
}

/// Whether a field that some chains leave out belongs to the chain of the template, which is a rollup.
fn is_default(section: &Section, key: &str) -> bool {
    section.path == "availability" && key == "publish"
}

/// Says what a field will take and does not take yet.
fn later(field: &Field) -> Option<String> {
    field.shape.schema()["$comment"].as_str().map(str::to_owned)
}

fn comment(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        let length = lines.last().map_or(0, |line| line.chars().count());
        if length + word.chars().count() >= WIDTH {
            lines.push(String::from("#"));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Returns the tables of `docs/chain-config.md`, in Markdown.
pub fn reference() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let title =
            if section.path.is_empty() { "Top of the file".to_owned() } else { format!("`[{}]`", section.path) };
        text.push_str(&format!(
            "### {title}\n\n{}\n\n",
            section.about.split_whitespace().collect::<Vec<_>>().join(" ")
        ));
        text.push_str("| field | what it says | must be | template |\n|---|---|---|---|\n");
        for field in section.fields {
            let left_out = if field.shape.is_required() { "" } else { "; may be left out" };
            let later = later(field).map(|later| format!(" {later}")).unwrap_or_default();
            let (key, about, bound) = (field.key, field.about.trim(), field.shape.bound());
            text.push_str(&format!("| `{key}` | {about}{later} | {bound}{left_out} | `{}` |\n", field.standard));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
