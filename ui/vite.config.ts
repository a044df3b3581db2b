import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Every asset also as .br and .gz: the server sends what the browser takes, and never compresses by itself. */
function compressed(): Plugin {
  let directory = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => {
      directory = `${config.root}/${config.build.outDir}/assets`;
      if (config.build.outDir.startsWith("/")) directory = `${config.build.outDir}/assets`;
    },
    closeBundle: () => {
      for (const name of readdirSync(directory)) {
        const bytes = readFileSync(`${directory}/${name}`);
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${directory}/${name}.br`, brotliCompressSync(bytes, { params }));
        writeFileSync(`${directory}/${name}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

// What this page never asks uPlot for. It all hangs on one object, where no bundler sees that it is unused.
const UNUSED_OF_UPLOT: readonly [string, string][] = [
  ["(paths.stepped = stepped);", ""],
  ["(paths.bars    = bars);", ""],
  ["(paths.spline  = monotoneCubic);", ""],
  ["const mode = self.mode = opts.mode || 1;", "const mode = 1;"],
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
