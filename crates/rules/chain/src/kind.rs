//! Kinds of fields: what may stand there, how it is read, how the schema says it.

use crate::near::near;
use crate::word::Word;
use serde_json::{Value, json};
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use toml::de::DeValue;
use types::EthAddress;

/// What a field looks like, whatever its type.
pub trait Shape {
    /// Says what may stand there, after "must be".
    fn bound(&self) -> String;
    /// Says the same in JSON Schema.
    fn schema(&self) -> Value;
    /// Says whether the field has to be there.
    fn is_required(&self) -> bool {
        true
    }
    /// Says whether what stands there may carry a credential, and is not to be shown.
    fn is_private(&self) -> bool {
        false
    }
}

/// A field's type, and the way to it.
pub trait Kind: Shape {
    /// What the field holds.
    type Value;
    /// Reads what stands there.
    fn read(&self, given: &DeValue<'_>) -> Result<Self::Value, Wrong<Self::Value>>;
    /// Returns what a field that is not there means; none for a field that has to be there.
    fn absent(&self) -> Option<Self::Value> {
        None
    }
}

/// Why a value is refused.
pub struct Wrong<T> {
    /// What to do.
    pub advice: String,
    /// The value, where it is understood and yet refused: what depends on it can still be checked.
    pub value: Option<T>,
}

fn wrong<T, U>(advice: impl Into<String>) -> Result<T, Wrong<U>> {
    Err(Wrong { advice: advice.into(), value: None })
}

/// Text of a bounded length, for people.
pub struct Text {
    pub length: RangeInclusive<usize>,
}

impl Shape for Text {
    fn bound(&self) -> String {
        format!("a string of {} to {} characters", self.length.start(), self.length.end())
    }

    fn schema(&self) -> Value {
        // The class of control characters, written so that every dialect of expressions reads it.
        let pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$";
        json!({ "type": "string", "minLength": self.length.start(), "maxLength": self.length.end(), "pattern": pattern })
    }
}

impl Kind for Text {
    type Value = String;

    fn read(&self, given: &DeValue<'_>) -> Result<String, Wrong<String>> {
        let DeValue::String(text) = given else { return wrong("put it in quotes") };
        let length = text.chars().count();
        if text.chars().any(char::is_control) {
            wrong("remove line breaks and other control characters")
        } else if length < *self.length.start() {
            wrong("make it longer")
        } else if length > *self.length.end() {
            wrong(format!("it has {length} characters: make it shorter"))
        } else {
            Ok(text.to_string())
        }
    }
}

/// A number with a fixed count of decimals, held as a whole number of its smallest parts.
pub struct Number<T> {
    /// From where to where, in the smallest parts.
    pub range: RangeInclusive<u64>,
    /// How many decimals there may be.
    pub decimals: u32,
    /// What is counted.
    pub unit: &'static str,
    /// The type for that many smallest parts.
    pub make: fn(u64) -> T,
}

impl<T> Number<T> {
    fn text(&self, parts: u64) -> String {
        let Some(one) = 10u64.checked_pow(self.decimals) else { return parts.to_string() };
        let (whole, rest) = (parts / one, parts % one);
        if rest == 0 {
            return whole.to_string();
        }
        let width = usize::try_from(self.decimals).unwrap_or_default();
        format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
    }

    fn json(&self, parts: u64) -> Value {
        let text = self.text(parts);
        text.parse::<serde_json::Number>().map_or(Value::String(text), Value::Number)
    }

    /// Reads decimal text exactly: what is written as 0.1 is a tenth.
    fn parts(&self, text: &str) -> Option<u64> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let width = usize::try_from(self.decimals).ok()?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if fraction.len() > width || !is_plain(whole) || !is_plain(fraction) {
            return None;
        }
        format!("{whole}{fraction:0<width$}").parse().ok()
    }
}

impl<T> Shape for Number<T> {
    fn bound(&self) -> String {
        let (low, high) = (self.text(*self.range.start()), self.text(*self.range.end()));
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        format!("{low}..={high}{unit}")
    }

    fn schema(&self) -> Value {
        let kind = if self.decimals == 0 { "integer" } else { "number" };
        json!({ "type": kind, "minimum": self.json(*self.range.start()), "maximum": self.json(*self.range.end()) })
    }
}

impl<T> Kind for Number<T> {
    type Value = T;

    fn read(&self, given: &DeValue<'_>) -> Result<T, Wrong<T>> {
        let parts = match given {
            // More digits than fit are too much, whatever the bound is; so is a number below zero too little.
            DeValue::Integer(integer) if integer.as_str().starts_with('-') => return wrong("raise it"),
            DeValue::Integer(integer) => {
                let whole = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
                whole.and_then(|whole| whole.checked_mul(10u64.checked_pow(self.decimals)?)).unwrap_or(u64::MAX)
            }
            DeValue::Float(_) if self.decimals == 0 => return wrong("write a whole number"),
            DeValue::Float(float) => match self.parts(float.as_str()) {
                Some(parts) => parts,
                None => return wrong(format!("write a plain number with at most {} decimals", self.decimals)),
            },
            DeValue::String(_) => return wrong("write a number, without quotes"),
            other => return wrong(format!("write a number, not {}", type_of(other))),
        };
        if parts < *self.range.start() {
            return wrong("raise it");
        }
        if parts > *self.range.end() {
            return wrong("lower it");
        }
        Ok((self.make)(parts))
    }
}

/// True or false.
pub struct Switch;

impl Shape for Switch {
    fn bound(&self) -> String {
        "true or false".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean" })
    }
}

impl Kind for Switch {
    type Value = bool;

    fn read(&self, given: &DeValue<'_>) -> Result<bool, Wrong<bool>> {
        match given {
            DeValue::Boolean(value) => Ok(*value),
            DeValue::String(_) => wrong("write true or false, without quotes"),
            other => wrong(format!("write true or false, not {}", type_of(other))),
        }
    }
}

/// One word of a list.
pub struct Choice<T>(PhantomData<T>);

impl<T: Word> Choice<T> {
    /// Any word of the list that is built.
    pub const ANY: Self = Self(PhantomData);

    fn words(is_built: bool) -> Vec<&'static str> {
        T::WORDS.iter().filter(|entry| entry.is_built == is_built).map(|entry| entry.word).collect()
    }
}

impl<T: Word> Shape for Choice<T> {
    fn bound(&self) -> String {
        let quoted: Vec<String> = Self::words(true).iter().map(|word| format!("\"{word}\"")).collect();
        quoted.join(" or ")
    }

    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "string", "enum": Self::words(true) });
        let later = Self::words(false);
        if !later.is_empty() {
            schema["$comment"] = json!(format!("Not built yet: {}.", later.join(", ")));
        }
        schema
    }
}

impl<T: Word> Kind for Choice<T> {
    type Value = T;

    fn read(&self, given: &DeValue<'_>) -> Result<T, Wrong<T>> {
        let DeValue::String(text) = given else { return wrong("write one of these words, in quotes") };
        match T::WORDS.iter().find(|entry| entry.word == text.as_ref()) {
            Some(entry) if entry.is_built => Ok(entry.value),
            Some(entry) => {
                let advice = format!("\"{}\" is not built yet: choose another", entry.word);
                Err(Wrong { advice, value: Some(entry.value) })
            }
            None => match near(text, T::WORDS.iter().map(|entry| entry.word)) {
                Some(word) => wrong(format!("did you mean \"{word}\"?")),
                None => wrong("choose one of these"),
            },
        }
    }
}

/// A field of which one value alone has code behind it.
pub struct Only<K: Kind> {
    /// The field as it will be.
    pub kind: K,
    /// The one value, in JSON.
    pub now: &'static str,
    /// Whether a value is that one.
    pub is_now: fn(&K::Value) -> bool,
    /// What is not built.
    pub missing: &'static str,
}

impl<K: Kind> Shape for Only<K> {
    fn bound(&self) -> String {
        self.now.to_owned()
    }

    fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        schema["const"] = serde_json::from_str(self.now).unwrap_or_else(|_| json!(self.now));
        schema["$comment"] = json!(format!("Not built yet: {}.", self.missing));
        schema
    }
}

impl<K: Kind> Kind for Only<K> {
    type Value = K::Value;

    fn read(&self, given: &DeValue<'_>) -> Result<K::Value, Wrong<K::Value>> {
        let value = self.kind.read(given)?;
        if (self.is_now)(&value) {
            return Ok(value);
        }
        let advice = format!("not built yet: {}; write {}", self.missing, self.now);
        Err(Wrong { advice, value: Some(value) })
    }
}

/// A field that may be left out.
pub struct Maybe<K>(pub K);

impl<K: Kind> Shape for Maybe<K> {
    fn bound(&self) -> String {
        self.0.bound()
    }

    fn schema(&self) -> Value {
        self.0.schema()
    }

    fn is_required(&self) -> bool {
        false
    }

    fn is_private(&self) -> bool {
        self.0.is_private()
    }
}

impl<K: Kind> Kind for Maybe<K> {
    type Value = Option<K::Value>;

    fn read(&self, given: &DeValue<'_>) -> Result<Self::Value, Wrong<Self::Value>> {
        self.0.read(given).map(Some).map_err(|Wrong { advice, value }| Wrong { advice, value: value.map(Some) })
    }

    fn absent(&self) -> Option<Self::Value> {
        Some(None)
    }
}

/// An address of a server.
pub struct Url;

/// Longest address, in bytes.
const URL_BYTES: usize = 2_048;

impl Shape for Url {
    fn bound(&self) -> String {
        format!("an address that begins with http://, at most {URL_BYTES} bytes")
    }

    fn schema(&self) -> Value {
        json!({
            "type": "string", "pattern": r"^http://[!-.0-~][!-~]*$", "maxLength": URL_BYTES,
            "$comment": "Not built yet: https.",
        })
    }

    fn is_private(&self) -> bool {
        true
    }
}

impl Kind for Url {
    type Value = String;

    fn read(&self, given: &DeValue<'_>) -> Result<String, Wrong<String>> {
        let DeValue::String(text) = given else { return wrong("put it in quotes") };
        if text.starts_with("https://") {
            return wrong("https is not built yet: name a node or a proxy on this machine or in its network");
        }
        let rest = text.strip_prefix("http://").unwrap_or_default();
        let has_host = !rest.is_empty() && !rest.starts_with('/');
        if !has_host || !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("write it as http://HOST:PORT/PATH");
        }
        if text.len() > URL_BYTES {
            return wrong("make it shorter");
        }
        Ok(text.to_string())
    }
}

/// Who is in the committee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// So many, whose keys are made when the chain starts and who run on this machine.
    Made(u64),
    /// These, in increasing order; they run elsewhere.
    Listed(Vec<EthAddress>),
}

impl Members {
    /// Returns how many there are.
    pub fn count(&self) -> u64 {
        match self {
            Self::Made(count) => *count,
            Self::Listed(addresses) => u64::try_from(addresses.len()).unwrap_or(u64::MAX),
        }
    }
}

/// Whose signature no quorum can do without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mandatory {
    /// Members whose keys are made when the chain starts, by number from 0, in increasing order. An empty list is one of
    /// these, whoever the members are.
    Numbered(Vec<u64>),
    /// Members by address, in increasing order.
    Listed(Vec<EthAddress>),
}

impl Mandatory {
    /// Returns how many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Numbered(numbers) => numbers.len(),
            Self::Listed(addresses) => addresses.len(),
        }
    }
}

/// What an address looks like.
const ADDRESS: &str = "^0x[0-9a-fA-F]{40}$";

/// Returns the items of a list in increasing order, or says which is wrong.
fn list<T: Ord>(
    items: &[toml::Spanned<DeValue<'_>>],
    most: u64,
    read: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    if u64::try_from(items.len()).unwrap_or(u64::MAX) > most {
        return Err(format!("it has {} items, and {most} are allowed: shorten the list", items.len()));
    }
    let mut list = Vec::new();
    for (number, item) in (1..).zip(items) {
        list.push(read(item.get_ref()).map_err(|what: String| format!("item {number} {what}"))?);
    }
    list.sort_unstable();
    if list.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("an item stands there twice: remove one".to_owned());
    }
    Ok(list)
}

fn address(item: &DeValue<'_>) -> Result<EthAddress, String> {
    let text = match item {
        DeValue::String(text) if text.starts_with("0x") => text,
        _ => return Err("is no address: write 0x and 40 hexadecimal digits, in quotes".to_owned()),
    };
    let address: EthAddress =
        text.parse().map_err(|_| "is no address: write 0x and 40 hexadecimal digits".to_owned())?;
    if address == EthAddress::ZERO {
        return Err("is the zero address, for which nobody can sign: replace it".to_owned());
    }
    Ok(address)
}

/// The members of a committee.
pub struct MemberList {
    pub range: RangeInclusive<u64>,
}

impl MemberList {
    fn number(&self) -> Number<u64> {
        Number { range: self.range.clone(), decimals: 0, unit: "", make: |count| count }
    }
}

impl Shape for MemberList {
    fn bound(&self) -> String {
        format!("{} (keys are made), or a list of that many addresses", self.number().bound())
    }

    fn schema(&self) -> Value {
        let listed = json!({
            "type": "array", "items": { "type": "string", "pattern": ADDRESS }, "uniqueItems": true,
            "minItems": self.range.start(), "maxItems": self.range.end(),
        });
        json!({ "oneOf": [self.number().schema(), listed] })
    }
}

impl Kind for MemberList {
    type Value = Members;

    fn read(&self, given: &DeValue<'_>) -> Result<Members, Wrong<Members>> {
        let DeValue::Array(items) = given else {
            let counted = self.number().read(given);
            return counted.map(Members::Made).map_err(|Wrong { advice, .. }| Wrong { advice, value: None });
        };
        match list(items, *self.range.end(), address).map(Members::Listed) {
            Ok(members) if members.count() < *self.range.start() => wrong("name more members"),
            Ok(members) => Ok(members),
            Err(advice) => wrong(advice),
        }
    }
}

/// Some of the members of a committee.
pub struct MandatoryList {
    pub most: u64,
}

impl Shape for MandatoryList {
    fn bound(&self) -> String {
        "a list of members: addresses as in `members`, or numbers from 0 when keys are made".to_owned()
    }

    fn schema(&self) -> Value {
        let items = [json!({ "type": "string", "pattern": ADDRESS }), json!({ "type": "integer", "minimum": 0 })];
        let of = |items| json!({ "type": "array", "items": items, "uniqueItems": true, "maxItems": self.most });
        json!({ "anyOf": items.map(of) })
    }

    fn is_required(&self) -> bool {
        false
    }
}

impl Kind for MandatoryList {
    type Value = Mandatory;

    fn read(&self, given: &DeValue<'_>) -> Result<Mandatory, Wrong<Mandatory>> {
        let DeValue::Array(items) = given else { return wrong("write a list in brackets") };
        let number = |item: &DeValue<'_>| match item {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| "is no member's number: count from 0".to_owned()),
            other => Err(format!("is {}: write numbers only, or addresses only", type_of(other))),
        };
        let is_numbered = items.iter().all(|item| matches!(item.get_ref(), DeValue::Integer(_)));
        let mandatory = if is_numbered {
            list(items, self.most, number).map(Mandatory::Numbered)
        } else {
            list(items, self.most, address).map(Mandatory::Listed)
        };
        mandatory.or_else(wrong)
    }

    fn absent(&self) -> Option<Mandatory> {
        Some(Mandatory::Numbered(Vec::new()))
    }
}

/// Names the type of a value, with its article.
fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
