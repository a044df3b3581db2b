import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Every asset also as .br and .gz: the server sends what the browser takes, and never compresses by itself. */
function compressed(): Plugin {
  return {
    name: "compressed",
    writeBundle: ({ dir }, bundle) => {
      for (const name of Object.keys(bundle).filter((file) => file.startsWith("assets/"))) {
        const bytes = readFileSync(`${dir}/${name}`);
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${dir}/${name}.br`, brotliCompressSync(bytes, { params }));
        writeFileSync(`${dir}/${name}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

// What this page never asks uPlot for. It all hangs on one object, where no bundler sees that it is unused.
const UNUSED_OF_UPLOT: readonly [string, string][] = [
  ["(paths.stepped = stepped);", ""],
  ["(paths.bars    = bars);", ""],
  ["(paths.spline  = monotoneCubic);", ""],
  ["const mode = self.mode;", "const mode = 1;"],
  ["const mode = u.mode;", "const mode = 1;"],
  ["let mode = self.mode;", "const mode = 1;"],
  ["const showLegend = legend.show;", "const showLegend = false;"],
];

function leanUplot(): Plugin {
  return {
    name: "lean-uplot",
    enforce: "pre",
    transform: {
      filter: { id: /uPlot\.esm\.js$/ },
      handler: (code) =>
        UNUSED_OF_UPLOT.reduce((left, [part, instead]) => {
          if (!left.includes(part)) throw new Error(`uPlot no longer has "${part}": look at what this page can leave out of it`);
          return left.replace(part, instead);
        }, code),
    },
  };
}

// Everything the page needs is its own file under "./": the server's content policy is default-src 'self'.
export default defineConfig({
  base: "./",
  plugins: [leanUplot(), compressed()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/rolltape/server/_static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
