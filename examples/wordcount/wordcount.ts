// Counts the lines, words and bytes of a text and lists its most frequent words.
//
// A word is a run of ASCII letters and digits, and case does not matter. Every other byte separates
// words, so UTF-8 text in any script is accepted, but only its ASCII words are counted.
//
// The program works once per instance and frees nothing. Words stay where they were read: the table
// points into the input.

/** How many words are listed. */
const LISTED: i32 = 10;

/** Where the table starts. It doubles when half full, so its size stays a power of two. */
const SLOTS_INITIAL: u32 = 1024;

/** No number printed here has more digits. */
const DIGITS_MAX: u32 = 10;

/** A word and how often it came. A slot whose length is 0 is free. */
@unmanaged
class Word {
  start: usize;
  length: u32;
  hash: u32;
  count: u32;
}

let table: usize = 0;
let slots: u32 = 0;
let taken: u32 = 0;

/** Returns the address of `length` bytes for the input, growing the memory as needed. */
export function talea_alloc(length: i32): i32 {
  return <i32>heap.alloc(<usize>(<u32>length));
}

/** Counts the text at `start` and returns where the report lies: its address, then its length. */
export function talea_run(start: i32, length: i32): i64 {
  const from = <usize>(<u32>start);
  const to = from + <usize>(<u32>length);
  table = newTable(SLOTS_INITIAL);
  slots = SLOTS_INITIAL;
  const words = countWords(from, to);
  return report(countLines(from, to), words, <u32>length);
}

/** Counts line ends, and a last line without one. */
function countLines(from: usize, to: usize): u32 {
  let lines: u32 = 0;
  for (let at = from; at < to; at++) {
    if (load<u8>(at) == 0x0a) lines++;
  }
  return from < to && load<u8>(to - 1) != 0x0a ? lines + 1 : lines;
}

/** Lower-cases the text in place and puts every word into the table. */
function countWords(from: usize, to: usize): u32 {
  let words: u32 = 0;
  let at = from;
  while (at < to) {
    const start = at;
    let hash: u32 = 0x811c9dc5; // FNV-1a, 32 bits.
    while (at < to) {
      const letter = lowered(load<u8>(at));
      if (letter == 0) break;
      store<u8>(at, letter);
      hash = (hash ^ letter) * 0x01000193;
      at++;
    }
    if (at > start) {
      words++;
      countWord(start, <u32>(at - start), hash);
    } else {
      at++;
    }
  }
  return words;
}

/** Returns a letter in lower case, a digit as it is, and 0 for a byte that separates words. */
function lowered(byte: u8): u8 {
  if (byte >= 0x61 && byte <= 0x7a) return byte;
  if (byte >= 0x30 && byte <= 0x39) return byte;
  if (byte >= 0x41 && byte <= 0x5a) return byte + 0x20;
  return 0;
}

function countWord(start: usize, length: u32, hash: u32): void {
  let word = find(start, length, hash);
  if (word.length == 0) {
    if (taken >= slots / 2) {
      growTable();
      word = find(start, length, hash);
    }
    word.start = start;
    word.length = length;
    word.hash = hash;
    taken++;
  }
  word.count++;
}

/** Returns the slot of a word, or the free one where it belongs. */
function find(start: usize, length: u32, hash: u32): Word {
  let index = hash & (slots - 1);
  while (true) {
    const word = slot(table, index);
    if (word.length == 0) return word;
    if (word.hash == hash && word.length == length && memory.compare(word.start, start, length) == 0) return word;
    index = (index + 1) & (slots - 1);
  }
}

function growTable(): void {
  const old = table;
  const oldSlots = slots;
  slots = oldSlots * 2;
  table = newTable(slots);
  for (let index: u32 = 0; index < oldSlots; index++) {
    const word = slot(old, index);
    if (word.length == 0) continue;
    const moved = find(word.start, word.length, word.hash);
    memory.copy(changetype<usize>(moved), changetype<usize>(word), offsetof<Word>());
  }
}

function newTable(slots: u32): usize {
  const size = <usize>slots * offsetof<Word>();
  const table = heap.alloc(size);
  memory.fill(table, 0, size);
  return table;
}

function slot(table: usize, index: u32): Word {
  return changetype<Word>(table + <usize>index * offsetof<Word>());
}

/** The most frequent words so far, best first; 0 where there is none. */
const best = new StaticArray<usize>(LISTED);

function rankWords(): void {
  for (let index: u32 = 0; index < slots; index++) {
    const word = slot(table, index);
    if (word.length != 0) rank(word);
  }
}

function rank(word: Word): void {
  let place = LISTED;
  while (place > 0 && isBefore(word, best[place - 1])) {
    if (place < LISTED) best[place] = best[place - 1];
    place--;
  }
  if (place < LISTED) best[place] = changetype<usize>(word);
}

/** Tells whether a word is listed before another: by count, then by alphabet. */
function isBefore(word: Word, otherAt: usize): bool {
  if (otherAt == 0) return true;
  const other = changetype<Word>(otherAt);
  if (word.count != other.count) return word.count > other.count;
  const order = memory.compare(word.start, other.start, min(word.length, other.length));
  return order != 0 ? order < 0 : word.length < other.length;
}

let end: usize = 0;

function report(lines: u32, words: u32, bytes: u32): i64 {
  rankWords();
  let size: usize = 64;
  for (let place = 0; place < LISTED; place++) {
    if (best[place] != 0) size += changetype<Word>(best[place]).length + DIGITS_MAX + 2;
  }
  const start = heap.alloc(size);
  end = start;
  writeName("lines");
  writeCount(lines);
  writeName("words");
  writeCount(words);
  writeName("bytes");
  writeCount(bytes);
  store<u8>(end++, 0x0a); // A word may be called "lines" too: the blank line tells the lists apart.
  for (let place = 0; place < LISTED && best[place] != 0; place++) {
    const word = changetype<Word>(best[place]);
    memory.copy(end, word.start, word.length);
    end += word.length;
    writeCount(word.count);
  }
  return <i64>((<u64>start << 32) | <u64>(end - start));
}

function writeName(name: string): void {
  for (let index = 0; index < name.length; index++) {
    store<u8>(end++, <u8>name.charCodeAt(index));
  }
}

/** Writes a blank, a number and a line end. */
function writeCount(count: u32): void {
  store<u8>(end++, 0x20);
  let digits: usize = 1;
  for (let rest = count / 10; rest != 0; rest /= 10) digits++;
  for (let at = end + digits; at > end; count /= 10) store<u8>(--at, <u8>(0x30 + (count % 10)));
  end += digits;
  store<u8>(end++, 0x0a);
}
