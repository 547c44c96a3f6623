// Inflates gzip (RFC 1952, RFC 1951), for browsers that cannot do it themselves. What is in the page is whole and ours:
// sums are not checked.
const inflated = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Uint8Array(view.getUint32(bytes.length - 4, true));
  let at = 10; // after a header without options
  let to = 0;
  let held = 0;
  let count = 0;

  const bits = (wanted) => {
    while (count < wanted) {
      held |= bytes[at++] << count;
      count += 8;
    }
    const value = held & ((1 << wanted) - 1);
    held >>>= wanted;
    count -= wanted;
    return value;
  };
  // A code as the number of codes of each length, and its symbols in order.
  const code = (lengths) => {
    const counts = new Uint16Array(16);
    for (const length of lengths) counts[length] += 1;
    counts[0] = 0;
    const places = new Uint16Array(17);
    for (let length = 1; length < 16; length += 1) places[length + 1] = places[length] + counts[length];
    const symbols = new Uint16Array(lengths.length);
    lengths.forEach((length, symbol) => {
      if (length) symbols[places[length]++] = symbol;
    });
    return { counts, symbols };
  };
  const symbol = ({ counts, symbols }) => {
    let value = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length < 16; length += 1) {
      value |= bits(1);
      if (value - counts[length] < first) return symbols[index + value - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      value <<= 1;
    }
    throw new Error("the data of this page is damaged");
  };

  const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
  const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
  const distanceBits = (number) => Math.max(0, (number >> 1) - 1);
  const distanceOf = (number) => (number < 2 ? number + 1 : ((2 + (number & 1)) << distanceBits(number)) + 1);

  const fixed = () => [
    code([...Array(288).keys()].map((number) => (number < 144 ? 8 : number < 256 ? 9 : number < 280 ? 7 : 8))),
    code(Array(30).fill(5)),
  ];
  const dynamic = () => {
    const [literals, distances, widths] = [bits(5) + 257, bits(5) + 1, bits(4) + 4];
    const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    const own = Array(19).fill(0);
    for (let index = 0; index < widths; index += 1) own[ORDER[index]] = bits(3);
    const reader = code(own);
    const lengths = [];
    while (lengths.length < literals + distances) {
      const read = symbol(reader);
      if (read < 16) lengths.push(read);
      else {
        const value = read === 16 ? lengths[lengths.length - 1] : 0;
        const times = read === 16 ? 3 + bits(2) : read === 17 ? 3 + bits(3) : 11 + bits(7);
        for (let index = 0; index < times; index += 1) lengths.push(value);
      }
    }
    return [code(lengths.slice(0, literals)), code(lengths.slice(literals))];
  };

  for (let last = false; !last; ) {
    last = bits(1) === 1;
    const kind = bits(2);
    if (kind === 0) {
      count = 0;
      held = 0;
      const length = view.getUint16(at, true);
      out.set(bytes.subarray(at + 4, at + 4 + length), to);
      at += 4 + length;
      to += length;
      continue;
    }
    const [literals, distances] = kind === 1 ? fixed() : dynamic();
    for (let read = symbol(literals); read !== 256; read = symbol(literals)) {
      if (read < 256) out[to++] = read;
      else {
        const length = LENGTHS[read - 257] + bits(LENGTH_BITS[read - 257]);
        const number = symbol(distances);
        const back = distanceOf(number) + bits(distanceBits(number));
        for (const end = to + length; to < end; to += 1) out[to] = out[to - back];
      }
    }
  }
  return out;
};
