// Columns as packed.py writes them: Base64, gzip, and the bytes of each column transposed.

const NONE = -(2 ** 31);

async function unpacked(text, n, kinds) { // kinds: "i" whole numbers, "f" floats, "s" whole numbers as steps
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return [...kinds].map((kind, place) => {
    const at = place * 4 * n;
    const words = new Uint32Array(n);
    for (let i = 0; i < n; i++) words[i] = bytes[at + i] | (bytes[at + n + i] << 8) | (bytes[at + 2 * n + i] << 16) | (bytes[at + 3 * n + i] << 24);
    if (kind === "f") return new Float32Array(words.buffer);
    const numbers = new Int32Array(words.buffer);
    if (kind === "i") return numbers;
    const sums = new Float64Array(n);
    for (let i = 0, total = 0; i < n; i++) sums[i] = total += numbers[i];
    return sums;
  });
}
