// Writes the files beside this script by two other implementations of Parquet: arrow-rs (parquet-wasm 0.8.0 with apache-arrow 21.2.0) and
// hyparquet-writer 0.17.0. Run: npm install parquet-wasm@0.8.0 apache-arrow@21.2.0 hyparquet-writer@0.17.0 && node make.mjs
import { writeFileSync } from 'node:fs'
import * as arrow from 'apache-arrow'
import * as pq from 'parquet-wasm'
import { parquetWriteBuffer } from 'hyparquet-writer'

const rows = 40
const each = (f) => Array.from({ length: rows }, (_, i) => f(i))
const gaps = (f) => each((i) => (i % 7 === 3 ? null : f(i)))
const columns = {
  i8: [gaps((i) => i - 20), new arrow.Int8()],
  u16: [each((i) => 65535 - i), new arrow.Uint16()],
  i32: [gaps((i) => i * 1000003 - 7), new arrow.Int32()],
  i64: [each((i) => 9007199254740993n + BigInt(i)), new arrow.Int64()],
  u64: [each((i) => 18446744073709551615n - BigInt(i)), new arrow.Uint64()],
  f32: [gaps((i) => i / 10), new arrow.Float32()],
  f64: [gaps((i) => i / 3 - 5), new arrow.Float64()],
  flag: [gaps((i) => i % 3 === 0), new arrow.Bool()],
  text: [gaps((i) => ['über', 'a,b', 'say "hi"', 'plain'][i % 4] + (i % 5)), new arrow.Utf8()],
  category: [gaps((i) => ['low', 'mid', 'high'][i % 3]), new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32())],
  day: [gaps((i) => new Date(Date.UTC(1969, 11, 20 + 97 * i))), new arrow.DateDay()],
  at_ms: [gaps((i) => 1700000000123 + i * 1000), new arrow.TimestampMillisecond()],
  at_utc: [gaps((i) => 1700000000000 - i * 86400000 * 400), new arrow.TimestampMillisecond('UTC')],
  clock: [gaps((i) => i * 2000001), new arrow.TimeMillisecond()],
  nothing: [each(() => null), new arrow.Utf8()],
}
const vectors = {}
for (const [name, [values, type]] of Object.entries(columns)) vectors[name] = arrow.vectorFromArray(values, type)
const flat = new arrow.Table(vectors)

const list = arrow.vectorFromArray(each((i) => [i, i + 1]), new arrow.List(new arrow.Field('item', new arrow.Int32())))
const struct = arrow.vectorFromArray(each((i) => ({ a: i, b: 'x' })), new arrow.Struct([new arrow.Field('a', new arrow.Int32()), new arrow.Field('b', new arrow.Utf8())]))
const nested = new arrow.Table({ n: vectors.i32, list, struct, last: vectors.text })

function write(file, table, set) {
  const properties = set(new pq.WriterPropertiesBuilder()).build()
  writeFileSync(file, pq.writeParquet(pq.Table.fromIPCStream(arrow.tableToIPC(table, 'stream')), properties))
}
const { Compression: C, WriterVersion: V, EnabledStatistics: S, Encoding: E } = pq
for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD', 'LZ4_RAW'])
  write(`arrow-rs.${codec.toLowerCase()}.parquet`, flat, (b) => b.setCompression(C[codec]))
write('arrow-rs.v2.parquet', flat, (b) => b.setWriterVersion(V.V2).setCompression(C.ZSTD).setMaxRowGroupSize(16))
write('arrow-rs.plain.parquet', flat, (b) => b.setDictionaryEnabled(false).setDataPageSizeLimit(64).setWriteBatchSize(8).setStatisticsEnabled(S.None))
write('arrow-rs.v2.plain.parquet', flat, (b) => b.setWriterVersion(V.V2).setDictionaryEnabled(false).setCompression(C.SNAPPY))
for (const [file, encoding] of [['length', E.DELTA_LENGTH_BYTE_ARRAY], ['prefix', E.DELTA_BYTE_ARRAY]])
  write(`arrow-rs.${file}.parquet`, flat, (b) => b.setColumnDictionaryEnabled('text', false).setColumnEncoding('text', encoding)
    .setColumnDictionaryEnabled('i64', false).setColumnEncoding('i64', E.DELTA_BINARY_PACKED).setColumnDictionaryEnabled('f64', false).setColumnEncoding('f64', E.BYTE_STREAM_SPLIT))
write('arrow-rs.nested.parquet', nested, (b) => b)
write('arrow-rs.lz4.parquet', flat, (b) => b.setCompression(C.LZ4))

// What each value is, as text; null where it is missing.
const iso = (ms) => new Date(ms).toISOString().replace(/\.?0*Z$/, '')
const shown = {
  day: (v) => v.toISOString().slice(0, 10), at_ms: iso, at_utc: (v) => iso(v) + 'Z', clock: (v) => iso(v).slice(11),
}
const expected = {}
for (const [name, [values]] of Object.entries(columns)) expected[name] = values.map((v) => (v === null ? null : (shown[name] ?? String)(v)))
writeFileSync('expected.json', JSON.stringify(expected, null, 0).replaceAll('],', '],\n') + '\n')

const hy = ['i32', 'f64', 'flag', 'text', 'nothing'].map((name) => ({ name, data: columns[name][0], type: { i32: 'INT32', f64: 'DOUBLE', flag: 'BOOLEAN', text: 'STRING', nothing: 'STRING' }[name] }))
writeFileSync('hyparquet.parquet', Buffer.from(parquetWriteBuffer({ columnData: hy, rowGroupSize: 13 })))
