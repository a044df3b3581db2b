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
  ["uPlot.join = join;", ""],
  ["uPlot.rangeAsinh = rangeAsinh;", ""],
  ["const mode = self.mode;", "const mode = 1;"],
  ["const mode = u.mode;", "const mode = 1;"],
  ["let mode = self.mode;", "const mode = 1;"],
  ["const showLegend = legend.show;", "const showLegend = false;"],
  // Scales of time: axes.ts has their ticks
  ["uPlot.fmtDate = fmtDate;", ""],
  ["uPlot.tzDate  = tzDate;", ""],
  ["const [ timeIncrsMs, _timeAxisStampsMs, timeAxisSplitsMs ] = genTimeStuffs(1);", ""],
  ["const [ timeIncrsS,  _timeAxisStampsS,  timeAxisSplitsS  ] = genTimeStuffs(1e-3);", ""],
  ["const _tzDate  = (opts.tzDate || (ts => new Date(round(ts / ms))));", ""],
  ["const _fmtDate = (opts.fmtDate || fmtDate);", ""],
  ["const _timeAxisSplits = (ms == 1 ? timeAxisSplitsMs(_tzDate) : timeAxisSplitsS(_tzDate));", ""],
  ["const _timeAxisVals   = timeAxisVals(_tzDate, timeAxisStamps((ms == 1 ? _timeAxisStampsMs : _timeAxisStampsS), _fmtDate));", ""],
  ["const _timeSeriesVal  = timeSeriesVal(_tzDate, timeSeriesStamp(_timeSeriesStamp, _fmtDate));", ""],
  ["isTime ? (isStr(sv) ? timeSeriesVal(_tzDate, timeSeriesStamp(sv, _fmtDate)) : sv || _timeSeriesVal) : ", ""],
  ["(isTime ? timeSeriesLabel : numSeriesLabel)", "numSeriesLabel"],
  ["(isTime ? (ms == 1 ? timeIncrsMs : timeIncrsS) : numIncrs)", "numIncrs"],
  ["isTime && sc.distr == 1 ? _timeAxisSplits : ", ""],
  ["timeAxisVals(_tzDate, timeAxisStamps(av, _fmtDate))", "av"],
  ["timeAxisVal(_tzDate, av)", "av"],
  ["av || _timeAxisVals", "av"],
  // Scales that are neither linear nor logarithmic
  ["sc.distr == 4 ? snapAsinhX : ", ""],
  ["sc.distr == 4 ? snapAsinhY : ", ""],
  ["sc.distr == 4 ? asinhAxisSplits : ", ""],
  ["[_min, _max] = rangeAsinh(_min, _min, scaleX.log, false);", ";"],
  ["sc.distr == 4   ? val => asinh(val, sc.asinh) :", ""],
  ["distr == 4 ? asinh(sc.min, sc.asinh) : ", ""],
  ["distr == 4 ? asinh(sc.max, sc.asinh) : ", ""],
  ["distr == 4 ? sinh(sv, sc.asinh) :", ""],
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
