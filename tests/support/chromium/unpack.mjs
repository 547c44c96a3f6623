// Unpacks Chromium, its libraries and its fonts below TMPDIR, and says where it is and what it needs in its environment.
import chromium from "@sparticuz/chromium";

const program = await chromium.executablePath();
const { LD_LIBRARY_PATH, FONTCONFIG_PATH } = process.env;
console.log(JSON.stringify({ program, environ: { LD_LIBRARY_PATH, FONTCONFIG_PATH } }));
