//! Rejections: the user's fault, said by a stable number and a sentence that says what to do.

/// Declares a crate's rejections. The numbers are part of the protocol: they stand in receipts for ever.
#[macro_export]
macro_rules! rejects {
    ($(#[$doc:meta])* pub enum Reject { $($code:literal => $name:ident: $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reject { $(#[doc = $text] $name,)* }

        impl Reject {
            /// Every rejection of this crate.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the stable number that receipts carry.
            pub const fn code(self) -> u32 {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns what happened and what to do.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl std::fmt::Display for Reject {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text())
            }
        }

        impl std::error::Error for Reject {}
    };
}
