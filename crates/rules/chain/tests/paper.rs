//! What is written from the table of fields agrees with what is read by it.

#![allow(clippy::unwrap_used, reason = "a schema of another form than this test knows is a failed test")]

use chain::{check, reference, schema, template};
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

/// Turns a file into the JSON that an editor would hand to a schema.
fn json_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => json!(i64::from_str_radix(number.as_str(), number.radix()).unwrap()),
        DeValue::Float(number) => json!(number.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(value) => json!(value),
        DeValue::Array(items) => items.iter().map(|item| json_of(item.get_ref())).collect(),
        DeValue::Table(table) => json_of_table(table),
        DeValue::Datetime(date) => json!(date.to_string()),
    }
}

fn json_of_table(table: &DeTable<'_>) -> Value {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), json_of(value.get_ref()))).collect()
}

/// Checks a value against the part of JSON Schema that is used here, and says where it does not fit.
fn misfits(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let number = |value: &Value| value.as_f64().unwrap();
    let length = |count: usize| u64::try_from(count).unwrap();
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().unwrap() {
        let fits = match word.as_str() {
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "array" => value.is_array(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("{other} is no type"),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "minimum" => !value.is_number() || number(value) >= number(rule),
            "maximum" => !value.is_number() || number(value) <= number(rule),
            "minLength" => value.as_str().is_none_or(|text| length(text.chars().count()) >= rule.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|text| length(text.chars().count()) <= rule.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| length(items.len()) >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| length(items.len()) <= rule.as_u64().unwrap()),
            "oneOf" | "anyOf" => rule.as_array().unwrap().iter().any(|schema| misfits(schema, value, path).is_empty()),
            "items" => {
                value.as_array().is_none_or(|items| items.iter().all(|item| misfits(rule, item, path).is_empty()))
            }
            "required" => {
                let missing = rule.as_array().unwrap().iter().filter(|key| value.get(key.as_str().unwrap()).is_none());
                found.extend(missing.map(|key| format!("{path}.{}", key.as_str().unwrap())));
                true
            }
            "properties" => {
                for (key, schema) in rule.as_object().unwrap() {
                    found.extend(
                        value.get(key).into_iter().flat_map(|value| misfits(schema, value, &format!("{path}.{key}"))),
                    );
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                let known = schema["properties"].as_object().unwrap();
                let strangers = value.as_object().unwrap().keys().filter(|key| !known.contains_key(*key));
                found.extend(strangers.map(|key| format!("{path}.{key}")));
                true
            }
            // Expressions are not run here; what they refuse is in the cases of `check`.
            "$schema" | "$comment" | "title" | "description" | "pattern" | "uniqueItems" => true,
            other => panic!("{other} is not known to this test"),
        };
        if !fits {
            found.push(path.to_owned());
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Compares what the schema and the reading say about a file.
fn check_agreement(text: &str, expected: &[&str]) {
    let table = DeTable::parse(text).unwrap();
    let by_schema = misfits(&schema(), &json_of_table(table.get_ref()), "");
    let by_schema: Vec<&str> = by_schema.iter().map(|path| path.trim_start_matches('.')).collect();
    assert_eq!(by_schema, expected, "the schema");
    let faults = check(text, None).err().unwrap_or_default();
    let mut by_reading: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    by_reading.sort_unstable();
    assert_eq!(by_reading, expected, "the reading");
}

#[test]
fn the_schema_and_the_reading_agree() {
    let template = template("test");
    check_agreement(&template, &[]);
    for (from, to, path) in [
        ("tps = 1000", "tps = 999", "tps"),
        ("tps = 1000", "tps = 100001", "tps"),
        ("tps = 1000", "tps = true", "tps"),
        ("tps = 1000", "", "tps"),
        ("tps = 1000", "tps = 1000\ncolour = 1", "colour"),
        ("block_time = 1", "block_time = 0.09", "consensus.block_time"),
        ("block_time = 1", "block_time = 0.5", ""),
        ("sequencer = \"centralized\"", "sequencer = \"hybrid\"", "sequencer"),
        ("privacy = false", "privacy = true", "features.privacy"),
        ("shards = 1", "shards = 2", "scaling.shards"),
        ("members = 3", "members = 1", "availability.committee.members"),
        ("members = 3", "members = []", "availability.committee.members"),
        ("mandatory = []", "mandatory = [-1]", "availability.committee.mandatory"),
        ("mandatory = []", "mandatory = [0]", ""),
        ("publish = \"calldata\"", "publish = \"blob\"", "availability.publish"),
        ("# [hook]", "[hook]\nurl = \"http://h\"\ntimeout_ms = 5", "hook.policy"),
        ("slashing_penalty = 40", "slashing_penalty = 100.5", "security.slashing_penalty"),
    ] {
        assert!(template.contains(from), "{from}");
        let expected: &[&str] = if path.is_empty() { &[] } else { &[path] };
        check_agreement(&template.replacen(from, to, 1), expected);
    }
}

#[test]
fn the_schema_names_every_field_that_the_template_shows() {
    fn leaves(schema: &Value, path: &str, into: &mut Vec<String>) {
        for (key, schema) in schema["properties"].as_object().unwrap() {
            let path = format!("{path}.{key}");
            match schema.get("properties") {
                Some(_) => leaves(schema, &path, into),
                None => into.push(path.trim_start_matches('.').to_owned()),
            }
            assert!(schema["description"].as_str().is_some_and(|text| text.ends_with('.')), "{path} is described");
        }
    }
    let mut in_schema = Vec::new();
    leaves(&schema(), "", &mut in_schema);
    let mut in_template = Vec::new();
    let mut section = String::new();
    for line in template("test").lines().map(|line| line.trim_start_matches("# ")) {
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{title}.");
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            in_template.push(format!("{section}{key}"));
        }
    }
    in_schema.sort();
    in_template.sort();
    assert_eq!(in_schema, in_template);
    assert_eq!(in_schema.len(), 44);
}

#[test]
fn what_is_left_out_of_the_template_fits_in_the_shape_it_has_there() {
    let text: Vec<String> = template("test")
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || rest.split(' ').nth(1) == Some("=") => rest.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    let faults = check(&text.join("\n"), None).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    let others = ["security.challenge_period", "security.proposer_bond_eth"];
    assert_eq!(paths, others, "all fit, but for what belongs to another execution: {faults:#?}");
}

#[test]
fn the_schema_in_docs_is_the_one_of_the_code() {
    let written: Value = serde_json::from_str(include_str!("../../../../docs/chain.schema.json")).unwrap();
    assert!(written == schema(), "write it again: talea chain schema > docs/chain.schema.json");
}

#[test]
fn the_reference_in_docs_is_the_one_of_the_code() {
    let page = include_str!("../../../../docs/chain-config.md");
    assert!(page.ends_with(&reference()), "put this at the end of docs/chain-config.md:\n{}", reference());
}
