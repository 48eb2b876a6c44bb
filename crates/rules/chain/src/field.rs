//! The table of fields: one declaration gives the type, the reading, the schema, the template and the documentation.

use crate::kind::Shape;

/// One field of the file.
pub struct Field {
    /// Its name in its table.
    pub key: &'static str,
    /// What it says, as in the documentation of the type.
    pub about: &'static str,
    /// What may stand there.
    pub shape: &'static dyn Shape,
    /// What the template puts there, in TOML; an example for what may be left out.
    pub standard: &'static str,
}

/// One table of the file.
pub struct Section {
    /// Its name, as in `availability.committee`; empty for what stands above all tables.
    pub path: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Whether it has to be there.
    pub is_required: bool,
    /// Its fields.
    pub fields: &'static [Field],
}

impl Section {
    /// Returns the full name of one of its fields.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Returns the names of its own fields.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.key)
    }
}

/// Declares a table of the file: the type of its contents, and beside it the same with holes where a field did not
/// read, so that what does read can still be compared.
macro_rules! section {
    (
        $(#[doc = $about:literal])+ $name:ident, $draft:ident, $section:ident at $path:literal $need:ident
        { $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $kind:expr, $standard:literal;)+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[doc = $doc])+ pub $field: $type,)+ }

        const $section: Section = Section {
            path: $path,
            about: concat!($($about),+),
            is_required: section!(@ $need),
            fields: &[$(Field {
                key: stringify!($field),
                about: concat!($($doc),+),
                shape: &$kind,
                standard: $standard,
            }),+],
        };

        #[derive(Default)]
        pub(crate) struct $draft { $(pub $field: Option<$type>,)+ }

        impl $draft {
            fn read(reading: &mut Reading<'_>) -> Option<Self> {
                let table = reading.table(&$section)?;
                Some(Self { $($field: reading.field(&$section, table, stringify!($field), &$kind)),+ })
            }

            fn complete(self) -> Option<$name> {
                Some($name { $($field: self.$field?),+ })
            }
        }
    };
    (@ required) => { true };
    (@ optional) => { false };
}

pub(crate) use section;
