// Returns what `packed` has put into the page under an id.
const unpacked = async (id) => {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  if (typeof DecompressionStream !== "function") return JSON.parse(new TextDecoder().decode(inflated(bytes)));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
};
