//! The columns of a table, by name.

/// What a row of cells is read into: one cell, or several side by side.
pub trait Cells<T>: Sized {
    /// Takes the next cells.
    fn take(cells: &mut dyn Iterator<Item = T>) -> Self;
    /// Adds the cells to a row.
    fn put(&self, row: &mut Vec<T>);
}

impl<T: Copy> Cells<T> for T {
    fn take(cells: &mut dyn Iterator<Item = T>) -> Self {
        cells.next().expect("a row is as wide as its table")
    }

    fn put(&self, row: &mut Vec<T>) {
        row.push(*self);
    }
}

impl<T: Copy, const N: usize> Cells<T> for [T; N] {
    fn take(cells: &mut dyn Iterator<Item = T>) -> Self {
        std::array::from_fn(|_| T::take(cells))
    }

    fn put(&self, row: &mut Vec<T>) {
        row.extend_from_slice(self);
    }
}

impl<T: Copy, const N: usize, const M: usize> Cells<T> for [[T; N]; M] {
    fn take(cells: &mut dyn Iterator<Item = T>) -> Self {
        std::array::from_fn(|_| <[T; N]>::take(cells))
    }

    fn put(&self, row: &mut Vec<T>) {
        self.iter().for_each(|group| row.extend_from_slice(group));
    }
}

/// Declares a table's columns, in their order.
macro_rules! columns {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$inner:meta])* pub $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        #[repr(C)]
        pub struct $name<T> {
            $($(#[$inner])* pub $field: $kind,)*
        }

        impl $name<u8> {
            /// How many columns there are.
            pub const WIDTH: usize = size_of::<Self>();
            /// The name of each column or group of columns, and the number of its first.
            pub const NAMES: &'static [(&'static str, usize)] =
                &[$((stringify!($field), std::mem::offset_of!(Self, $field))),*];
        }

        impl<T: Copy> $name<T> {
            /// Reads a row.
            pub fn read(cells: &[T]) -> Self {
                let mut cells = cells.iter().copied();
                Self { $($field: $crate::circuit::columns::Cells::take(&mut cells)),* }
            }

            /// Adds the row to others.
            pub fn put(&self, rows: &mut Vec<T>) {
                $($crate::circuit::columns::Cells::put(&self.$field, rows);)*
            }
        }
    };
}

pub(crate) use columns;
