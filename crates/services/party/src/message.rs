//! What is said over a link: a byte that names the kind, then its parts in the canonical encoding.

use crate::seal::{Salts, Seal};
use crate::terms::Terms;
use mpc::many::{Components, Part};
use mpc::{Check, Party};
use types::{ByteSink, Decode, DecodeError, Encode, Reader, Sink};
use vm::{Cause, Name};
use zeroize::Zeroizing;

/// The longest first message of a client: the longest program, and as many shares beside it.
pub(crate) const JOIN_BYTES: usize = 4 * types::limits::BYTECODE_BYTES;

/// The longest message of a party to a client.
pub(crate) const ANSWER_BYTES: usize = JOIN_BYTES;

/// A message's bytes. They may hold shares, so they are wiped when they are dropped.
pub type Bytes = Zeroizing<Vec<u8>>;

/// What is said, by whom to whom.
pub(crate) enum Message<'a> {
    /// A client to each party: here is the program, these names are mine, and these are their inputs.
    Join(Join),
    /// A party to a client: it is in, and others are waited for.
    Joined,
    /// A party to each other: what I hold.
    Opening(Opening),
    /// A party to each other: both of you hold the same as I.
    Ready,
    /// A party to those before it: what the protocol says.
    Round(&'a [u8]),
    /// A party to each other: it has all that it needs, and this is what it certifies.
    Finished(Seal),
    /// A party to a client: what is the client's.
    Answer(Answer),
    /// Anybody to anybody: it ends here, and why.
    Abort(Reason),
}

/// How a client comes in.
pub(crate) struct Join {
    pub(crate) terms: Terms,
    pub(crate) program: Box<[u8]>,
    pub(crate) names: Vec<Name>,
    /// By port: one for each input port of the names, in order.
    pub(crate) inputs: Vec<(u32, Part)>,
}

/// What two parties must hold alike, and a key that they will share.
pub(crate) struct Opening {
    /// The hash of session, names with their clients, and public inputs.
    pub(crate) agreement: [u8; 32],
    /// The hash of the components that both hold.
    pub(crate) component: [u8; 32],
    /// The keys of components that both hold and the sender gives, in their order.
    pub(crate) keys: Vec<Zeroizing<[u8; 16]>>,
}

types::record! {
    /// What a program told the host: which of its functions, and with what. All of it is public.
    pub struct Told {
        /// The host function.
        pub host: u32,
        /// Its arguments.
        pub arguments: Vec<Vec<u64>>,
    }
}

/// What a party gives to a client at the end.
pub struct Answer {
    /// By port: the party's part of each output that is the client's or everybody's.
    pub outputs: Vec<(u32, Part)>,
    /// What the program told the host, in order.
    pub told: Vec<Told>,
    /// How often the party waited for a message.
    pub rounds: u64,
    /// How many bytes the protocol had it send.
    pub bytes: u64,
    /// What opens the receipt's commitments to those outputs.
    pub salts: Vec<Salts>,
}

types::choice! {
    /// Why a session ended early.
    pub enum Reason {
        /// The link to a party broke.
        0 => Gone(u8),
        /// A party said nothing for too long.
        1 => Silent(u8),
        /// A party said what it must not say.
        2 => Nonsense(u8),
        /// A party holds another program, other inputs or other clients.
        3 => Differs(u8),
        /// What all know stopped the program.
        4 => Stopped(Stopped),
        /// A client left.
        5 => Left(Name),
        /// A client did not come in time.
        6 => Missing(Name),
        /// A party was told to stop.
        7 => Closed(u8),
        /// A client is not let in.
        8 => Refused(Refusal),
        /// A party caught another one lying.
        9 => Caught(Caught),
        /// This party and the next one that holds the same component certify different results.
        10 => Unsealed(u8),
    }
}

types::record! {
    /// A lie that a party found.
    pub struct Caught {
        /// The party that found it.
        pub by: u8,
        /// By which check.
        pub check: u8,
    }
}

/// The checks, each at the place of its number.
const CHECKS: [Check; 4] = [Check::Inputs, Check::Products, Check::Outputs, Check::Openings];

impl Caught {
    pub(crate) fn new(by: Party, check: Check) -> Self {
        let at = CHECKS.iter().position(|one| *one == check).expect("all are listed");
        Self { by: by.number(), check: u8::try_from(at).expect("there are few") }
    }

    /// Returns the check; `None` for a number that names none.
    pub fn check(&self) -> Option<Check> {
        CHECKS.get(usize::from(self.check)).copied()
    }
}

types::record! {
    /// What stopped a program.
    pub struct Stopped {
        /// Which cause.
        pub cause: u8,
        /// Of a check or a host function, which one.
        pub code: u32,
    }
}

impl From<Cause> for Stopped {
    fn from(cause: Cause) -> Self {
        let (cause, code) = match cause {
            Cause::Inputs => (0, 0),
            Cause::Index => (1, 0),
            Cause::Check(code) => (2, code),
            Cause::Bound => (3, 0),
            Cause::Fuel => (4, 0),
            Cause::Memory => (5, 0),
            Cause::Registers => (6, 0),
            Cause::Host(code) => (7, code),
        };
        Self { cause, code }
    }
}

impl Stopped {
    /// Returns the cause; `None` for a number that names none.
    pub fn cause(&self) -> Option<Cause> {
        Some(match self.cause {
            0 => Cause::Inputs,
            1 => Cause::Index,
            2 => Cause::Check(self.code),
            3 => Cause::Bound,
            4 => Cause::Fuel,
            5 => Cause::Memory,
            6 => Cause::Registers,
            7 => Cause::Host(self.code),
            _ => return None,
        })
    }
}

/// Why a client is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, types::serde::Serialize, types::serde::Deserialize, thiserror::Error)]
#[serde(crate = "types::serde", rename_all = "snake_case")]
pub enum Refusal {
    /// The message does not read.
    #[error("it could not read the message: use the same version of `talea` as the parties")]
    Unreadable,
    /// The terms are not those of the session or of the party.
    #[error(
        "its network has other parties, another order of them, or another protocol: give all the same network file"
    )]
    Terms,
    /// The bytecode is not a program, or another one.
    #[error("it does not accept the bytecode: build the program with the same version of `talea` as the parties")]
    Program,
    /// The program does something that has no protocol.
    #[error("the program does something for which it has no protocol yet: update the party")]
    Unsupported,
    /// A run costs more than the party allows.
    #[error(
        "a run of the program costs more than it allows: ask its operator to raise `fuel`, or make the program cheaper"
    )]
    TooDear,
    /// A name is not the client's.
    #[error("a name is another client's, taken, or not in the program: see the clients in the network file")]
    Name,
    /// The inputs are not those of the names.
    #[error("the inputs are not those that the program reads from this client")]
    Inputs,
    /// The session has begun.
    #[error("the session has begun already, or this client is in it: choose another `--session`")]
    Late,
    /// There are too many sessions.
    #[error("it has as many sessions as it takes: try again later")]
    Busy,
    /// The party wants to find lies, and the session would not.
    #[error("it takes part only in runs that find a party's lies: add --malicious")]
    Trusting,
}

impl Refusal {
    const ALL: [Self; 10] = [
        Self::Unreadable,
        Self::Terms,
        Self::Program,
        Self::Unsupported,
        Self::TooDear,
        Self::Name,
        Self::Inputs,
        Self::Late,
        Self::Busy,
        Self::Trusting,
    ];
}

impl Encode for Refusal {
    fn encode(&self, out: &mut dyn Sink) {
        let at = Self::ALL.iter().position(|one| one == self).expect("all are listed");
        out.u8(u8::try_from(at).expect("there are few"));
    }
}

impl Decode for Refusal {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::ALL.get(usize::from(input.u8()?)).copied().ok_or(DecodeError::Tag)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // People count from one.
        let number = |party: &u8| u32::from(*party) + 1;
        match self {
            Self::Gone(party) => {
                write!(f, "party {} is gone: start it again, and then the session", number(party))
            }
            Self::Silent(party) => write!(
                f,
                "party {} said nothing for too long: see what it does, or raise `silence_s` in the network file",
                number(party)
            ),
            Self::Nonsense(party) => {
                write!(f, "party {} said what it must not say: it runs another version, or lies", number(party))
            }
            Self::Differs(party) => write!(
                f,
                "party {} holds other inputs, clients or another program: a client gave parties what does not fit",
                number(party)
            ),
            Self::Stopped(stopped) => match stopped.cause() {
                Some(cause) => write!(f, "the program stopped: {cause}"),
                None => f.write_str("the program stopped for a reason that this version does not know"),
            },
            Self::Left(name) => write!(f, "client `{name}` left before the end: start the session again"),
            Self::Missing(name) => write!(
                f,
                "client `{name}` did not come in time: start all clients with the same program and `--session`"
            ),
            Self::Closed(party) => write!(f, "party {} was stopped by its operator", number(party)),
            Self::Refused(refusal) => write!(f, "not let in: {refusal}"),
            Self::Caught(caught) => caught.fmt(f),
            Self::Unsealed(party) => write!(
                f,
                "party {} and the next one that holds the same certify different results: one of them lies or is broken, \
                 and there is no receipt",
                number(party)
            ),
        }
    }
}

impl std::fmt::Display for Caught {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some((by, check)) = Party::new(self.by).zip(self.check()) else {
            return f.write_str("a party says that it caught a lie, in words that this version does not know");
        };
        let number = |party: Party| u32::from(party.number()) + 1;
        let (one, other) = (number(by.next()).min(number(by.previous())), number(by.next()).max(number(by.previous())));
        write!(
            f,
            "party {} caught a lie by the check {check}: party {one} or {other} lies, or it does by saying so; nothing \
             that depends on the lie was shown, so do without one of them",
            number(by)
        )
    }
}

/// Room for whatever is not a number of a vector.
const MARGIN: usize = 1 << 10;

fn room(given: &[(u32, Part)]) -> usize {
    let words = |part: &Part| match part {
        Part::Secret(components) => components.0.iter().map(|component| component.len() + 1).sum(),
        Part::Public(numbers) => numbers.len(),
    };
    given.iter().map(|(_, part)| 16 + 8 * words(part)).sum()
}

impl Message<'_> {
    fn tag(&self) -> u8 {
        match self {
            Self::Join(_) => 1,
            Self::Joined => 2,
            Self::Opening(_) => 3,
            Self::Round(_) => 4,
            Self::Finished(_) => 5,
            Self::Answer(_) => 6,
            Self::Abort(_) => 7,
            Self::Ready => 8,
        }
    }

    /// Returns the bytes.
    pub(crate) fn write(&self) -> Bytes {
        let room = match self {
            Self::Join(join) => join.program.len() + join.names.len() * vm::NAME_BYTES + room(&join.inputs),
            Self::Round(message) => message.len(),
            Self::Answer(answer) => room(&answer.outputs),
            _ => 0,
        };
        // In room that is there before, no copy of a share stays behind.
        let mut out = ByteSink::with_room(room + MARGIN);
        out.u8(self.tag());
        match self {
            Self::Join(join) => {
                join.terms.encode(&mut out);
                join.program.encode(&mut out);
                join.names.encode(&mut out);
                put_given(&mut out, &join.inputs);
            }
            Self::Joined | Self::Ready => {}
            Self::Finished(seal) => seal.encode(&mut out),
            Self::Opening(opening) => {
                out.fixed(&opening.agreement);
                out.fixed(&opening.component);
                out.u8(u8::try_from(opening.keys.len()).expect("there are few components"));
                opening.keys.iter().for_each(|key| out.fixed(&key[..]));
            }
            Self::Round(message) => out.fixed(message),
            Self::Answer(answer) => {
                put_given(&mut out, &answer.outputs);
                answer.told.encode(&mut out);
                out.u64(answer.rounds);
                out.u64(answer.bytes);
                answer.salts.encode(&mut out);
            }
            Self::Abort(reason) => reason.encode(&mut out),
        }
        Zeroizing::new(out.into_bytes())
    }
}

impl<'a> Message<'a> {
    /// Reads a message. Total: any bytes are one or none.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (tag, rest) = bytes.split_first().ok_or(DecodeError::Short)?;
        Ok(match tag {
            1 => Self::Join(whole(rest)?),
            2 if rest.is_empty() => Self::Joined,
            3 => Self::Opening(whole(rest)?),
            4 => Self::Round(rest),
            5 => Self::Finished(whole(rest)?),
            6 => Self::Answer(whole(rest)?),
            7 => Self::Abort(whole(rest)?),
            8 if rest.is_empty() => Self::Ready,
            2 | 8 => return Err(DecodeError::Long),
            _ => return Err(DecodeError::Tag),
        })
    }
}

fn whole<T: Decode>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::from_bytes(bytes)
}

fn put_given(out: &mut ByteSink, given: &[(u32, Part)]) {
    out.u32(u32::try_from(given.len()).expect("a program has few ports"));
    for (port, given) in given {
        out.u32(*port);
        match given {
            Part::Public(numbers) => {
                out.u8(0);
                numbers.encode(out);
            }
            Part::Secret(components) => {
                out.u8(u8::try_from(components.0.len()).expect("there are few components"));
                components.0.iter().for_each(|component| component.encode(out));
            }
        }
    }
}

fn take_given(input: &mut Reader<'_>) -> Result<Vec<(u32, Part)>, DecodeError> {
    let count = input.u32()?;
    let mut all = Vec::new();
    for _ in 0..count {
        let port = input.u32()?;
        let given = match input.u8()? {
            0 => Part::Public(Vec::decode(input)?),
            count => {
                let mut components = Components(Vec::new());
                for _ in 0..count {
                    components.0.push(Vec::decode(input)?);
                }
                Part::Secret(components)
            }
        };
        all.push((port, given));
    }
    Ok(all)
}

impl Decode for Join {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (terms, program) = (Terms::decode(input)?, Decode::decode(input)?);
        Ok(Self { terms, program, names: Vec::decode(input)?, inputs: take_given(input)? })
    }
}

impl Decode for Opening {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (agreement, component) = (input.fixed()?, input.fixed()?);
        let mut keys = Vec::new();
        for _ in 0..input.u8()? {
            keys.push(Zeroizing::new(input.fixed()?));
        }
        Ok(Self { agreement, component, keys })
    }
}

impl Decode for Answer {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (outputs, told) = (take_given(input)?, Vec::decode(input)?);
        let (rounds, bytes) = (input.u64()?, input.u64()?);
        Ok(Self { outputs, told, rounds, bytes, salts: Vec::decode(input)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Sealed;
    use types::Bytes32;
    use vm::sample::Chance;

    fn examples() -> Vec<Bytes> {
        let parties = [1, 2, 3].map(|number| net::PeerId::new([number; 32]));
        let inputs = || {
            let share = Components(vec![vec![1, 2], vec![3, u64::MAX]]);
            let more = Components((0..6).map(|word| vec![word]).collect());
            vec![(0, Part::Secret(share)), (5, Part::Secret(more)), (7, Part::Public(vec![5]))]
        };
        let join = Join {
            terms: Terms::new(mpc::Security::Malicious, types::ContentId([4; 32]), [5; 32], &parties),
            program: [9; 40].into(),
            names: vec![Name::new("alice").unwrap()],
            inputs: inputs(),
        };
        let opening = |keys| Opening { agreement: [1; 32], component: [2; 32], keys };
        let told = vec![Told { host: 1, arguments: vec![vec![1], vec![]] }];
        let bob = || Name::new("bob").unwrap();
        let sealed = Sealed { name: bob(), components: vec![Bytes32([1; 32]), Bytes32([2; 32])] };
        let seal = Seal { rounds: 5, bytes: 6, outputs: vec![sealed] };
        let salts = Salts { name: bob(), salts: vec![Bytes32([3; 32]), Bytes32([4; 32])] };
        let mut reasons: Vec<Reason> = Refusal::ALL.map(Reason::Refused).into();
        reasons.extend([
            Reason::Gone(0),
            Reason::Left(bob()),
            Reason::Unsealed(2),
            Reason::Stopped(Cause::Check(3).into()),
            Reason::Caught(Caught::new(Party::ALL[1], Check::Outputs)),
        ]);
        let mut all = vec![
            Message::Join(join),
            Message::Joined,
            Message::Opening(opening(Vec::new())),
            Message::Opening(opening(vec![Zeroizing::new([6; 16]); 4])),
            Message::Round(&[1, 2, 3]),
            Message::Ready,
            Message::Finished(seal),
            Message::Answer(Answer { outputs: inputs(), told, rounds: 3, bytes: 4, salts: vec![salts] }),
        ];
        all.extend(reasons.into_iter().map(Message::Abort));
        all.iter().map(Message::write).collect()
    }

    #[test]
    fn messages_are_read_back_as_they_were_written() {
        for bytes in examples() {
            assert_eq!(Message::read(&bytes).map(|message| message.write()), Ok(bytes.clone()));
            if bytes[0] != 4 {
                let longer = [&bytes[..], &[0]].concat();
                assert!(Message::read(&longer).is_err(), "kind {}", bytes[0]);
                assert!(Message::read(&bytes[..bytes.len() - 1]).is_err(), "kind {}", bytes[0]);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error() {
        let mut chance = Chance::new(5);
        let examples = examples();
        for turn in 0..20_000_usize {
            let mut bytes = examples[turn % examples.len()].to_vec();
            for _ in 0..=chance.bits() % 3 {
                let at = usize::try_from(chance.bits()).unwrap() % bytes.len();
                bytes[at] = chance.bits().to_le_bytes()[0];
            }
            if turn % 5 == 0 {
                bytes = (0..chance.bits() % 64).map(|_| chance.bits().to_le_bytes()[0]).collect();
            }
            // What reads has one form.
            if let Ok(message) = Message::read(&bytes) {
                assert_eq!(message.write().to_vec(), bytes);
            }
        }
    }
}
