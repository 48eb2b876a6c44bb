//! One run: the guest interface and the limits around it.

use crate::error::Error;
use crate::limits::{Guard, Limits, length};
use crate::ticker::Ticker;
use std::ops::Range;
use wasmtime::{Engine, Instance, Memory, Module, Store, Trap, TypedFunc, WasmParams, WasmResults};

/// A module with its memory, ready to work once.
pub(crate) struct Guest {
    store: Store<Guard>,
    memory: Memory,
    alloc: TypedFunc<i32, i32>,
    run: TypedFunc<(i32, i32), i64>,
    limits: Limits,
    fuel_filled: u64,
}

/// Where the input lies in the guest's memory.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    ptr: u32,
    len: u32,
}

impl Guest {
    pub(crate) fn start(engine: &Engine, module: &Module, limits: &Limits) -> Result<Self, Error> {
        let mut store = Store::new(engine, Guard::new(limits));
        store.limiter(|guard| guard);
        store.set_epoch_deadline(Ticker::ticks_up(limits.wall_ms));
        // The engine stops a run when the tank is empty, and a run that used exactly its limit is within it.
        let fuel_filled = limits.fuel.saturating_add(1);
        store.set_fuel(fuel_filled).map_err(|reason| failure("filling the tank", &reason))?;

        let instance = Instance::new(&mut store, module, &[])
            .map_err(|cause| cause_of(&cause, "starting the module", &store, limits))?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or(Error::MissingExport { name: "memory", wanted: "a memory" })?;
        let alloc = export(&instance, &mut store, "talea_alloc", "a function (len: i32) -> i32")?;
        let run = export(&instance, &mut store, "talea_run", "a function (ptr: i32, len: i32) -> i64")?;
        Ok(Self { store, memory, alloc, run, limits: *limits, fuel_filled })
    }

    /// Copies the input to where the guest wants it.
    pub(crate) fn put(&mut self, input: &[u8]) -> Result<Input, Error> {
        let bytes_max = self.limits.memory_bytes.min(u64::from(u32::MAX));
        let bytes = length(input.len());
        let len = u32::try_from(input.len()).ok().filter(|_| bytes <= bytes_max);
        let len = len.ok_or(Error::InputTooLarge { bytes, bytes_max })?;

        let ptr = self
            .alloc
            .call(&mut self.store, len.cast_signed())
            .map_err(|cause| cause_of(&cause, "running talea_alloc", &self.store, &self.limits))?
            .cast_unsigned();
        let memory = self.memory.data_mut(&mut self.store);
        let memory_bytes = length(memory.len());
        let place = range(ptr, len).and_then(|range| memory.get_mut(range));
        let place = place.ok_or(Error::InputRange { start: u64::from(ptr), bytes, memory_bytes })?;
        place.copy_from_slice(input);
        Ok(Input { ptr, len })
    }

    /// Lets the guest work and copies its output.
    pub(crate) fn work(&mut self, input: Input) -> Result<Vec<u8>, Error> {
        let packed = self
            .run
            .call(&mut self.store, (input.ptr.cast_signed(), input.len.cast_signed()))
            .map_err(|cause| cause_of(&cause, "running talea_run", &self.store, &self.limits))?;
        // An empty tank was not always noticed: the engine looks only at loops and calls.
        self.fuel()?;

        let (ptr, len) = unpack(packed);
        let bytes = u64::from(len);
        if bytes > self.limits.output_bytes {
            return Err(Error::OutputTooLarge { bytes, bytes_max: self.limits.output_bytes });
        }
        let memory = self.memory.data(&self.store);
        let output = range(ptr, len).and_then(|range| memory.get(range));
        let memory_bytes = length(memory.len());
        Ok(output.ok_or(Error::OutputRange { start: u64::from(ptr), bytes, memory_bytes })?.to_vec())
    }

    /// The fuel burned so far.
    pub(crate) fn fuel(&self) -> Result<u64, Error> {
        let left = self.store.get_fuel().map_err(|reason| failure("reading the fuel", &reason))?;
        if left == 0 {
            return Err(Error::OutOfFuel { fuel_max: self.limits.fuel });
        }
        Ok(self.fuel_filled - left)
    }
}

fn export<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<Guard>,
    name: &'static str,
    wanted: &'static str,
) -> Result<TypedFunc<P, R>, Error> {
    instance.get_typed_func(store, name).map_err(|_| Error::MissingExport { name, wanted })
}

/// Splits `(out_ptr << 32) | out_len`.
fn unpack(packed: i64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = packed.to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

/// Returns the places of `len` bytes from `ptr`, if this host can count that far.
fn range(ptr: u32, len: u32) -> Option<Range<usize>> {
    let start = usize::try_from(ptr).ok()?;
    Some(start..start.checked_add(usize::try_from(len).ok()?)?)
}

/// Tells why a guest did not return.
fn cause_of(cause: &wasmtime::Error, doing: &'static str, store: &Store<Guard>, limits: &Limits) -> Error {
    if let Some(ours) = cause.downcast_ref::<Error>() {
        return ours.clone();
    }
    match (cause.downcast_ref::<Trap>(), store.data().refused()) {
        (Some(Trap::OutOfFuel), _) => Error::OutOfFuel { fuel_max: limits.fuel },
        (Some(Trap::Interrupt), _) => Error::TimedOut { wall_ms: limits.wall_ms },
        // Programs stop when they get no memory, so the refusal says more than the trap after it.
        (_, Some(refused)) => refused.clone(),
        (Some(trap), None) => Error::Trap { reason: trap.to_string() },
        (None, None) => failure(doing, cause),
    }
}

fn failure(doing: &'static str, reason: &wasmtime::Error) -> Error {
    Error::Host { doing, reason: format!("{reason:#}") }
}
