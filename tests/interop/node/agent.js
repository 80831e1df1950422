// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

// What the tests make umbel.js do: ../interop.py has the language of stdin and stdout.
//
// usage: agent.js NAME [OVERFLOW] | agent.js --decode

'use strict';
const readline = require('node:readline');
const umbel = require('./umbel.js');

const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);
const hex = (bytes) => Buffer.from(bytes).toString('hex') || '-';
const unhex = (word) => (word === '-' ? Buffer.alloc(0) : Buffer.from(word, 'hex'));

function writeHeader(value) {
  if (value === null)
    return '~';
  if (typeof value === 'boolean')
    return `!${Number(value)}`;
  if (typeof value === 'number')
    return `${Number.isInteger(value) ? '#' : '%'}${value}`;
  return typeof value === 'string' ? `$${Buffer.from(value).toString('hex')}` : `@${Buffer.from(value).toString('hex')}`;
}

function readHeader(word) {
  const rest = word.slice(1);
  return {
    '~': () => null, '!': () => rest === '1', '#': () => Number(rest), '%': () => Number(rest),
    $: () => Buffer.from(rest, 'hex').toString(), '@': () => Buffer.from(rest, 'hex'),
  }[word[0]]();
}

const writeHeaders = (headers) =>
  Object.keys(headers).sort().map((key) => `${key}=${writeHeader(headers[key])}`).join(',') || '-';
const readHeaders = (word) => (word === '-' ? null : Object.fromEntries(word.split(',').map((pair) => {
  const [key, value] = pair.split('=');
  return [decodeURIComponent(key), readHeader(value)];
})));
const readOptions = (words) => Object.fromEntries(words.map((word) => {
  const [name, text] = word.split('=');
  return [name, text === undefined ? true : decodeURIComponent(text)];
}));

function willOf(topic, payload, ...retain) {
  const frame = umbel.encode(3, retain.length, new Uint8Array(8), topic, null, null, Buffer.from(payload, 'hex'));
  return frame.subarray(5);
}

function agent(name, overflow = 'block') {
  const client = new umbel.Client(name, { overflow });
  const subs = {};
  client.on('up', () => say('up'));
  client.on('down', (why, unconfirmed) => say('down', unconfirmed));
  client.on('gap', (frames) => say('gap', frames));
  client.on('hold', (on, session, name, topic) => say('hold', Number(on), name, topic));
  client.on('problem', (error) => say('error', error.code, error.about));
  const flush = async () => Object.values(await client.flush());
  return {
    async sub(key, filter, ...options) {
      subs[key] = await client.subscribe(decodeURIComponent(filter), (message) =>
        say('msg', key, message.topic, hex(message.payload), writeHeaders(message.headers)), readOptions(options));
    },
    async unsub(key, which) {
      await client.unsubscribe(subs[which]);
    },
    async serve(key, filter, group) {
      await client.subscribe(filter, async (message) => {
        say('asked', key);
        await client.publish(message.reply, message.payload.reverse(), { headers: message.headers });
      }, { group: group.replace('group=', '') });
    },
    async relay(key, filter) {
      await client.subscribe(filter, async (message) =>
        say('ok', 'relayed', hex((await client.request(key, message.payload)).payload)));
    },
    async pub(key, topic, payload, headers, ...options) {
      const more = { headers: readHeaders(headers), ...readOptions(options) };
      await client.publish(decodeURIComponent(topic), unhex(payload), more);
      return flush();
    },
    async hello(key, name, ...words) {
      const { will, ...options } = readOptions(words);
      if (will)
        options.will = willOf(...will.split(','));
      const other = new umbel.Client(decodeURIComponent(name), options);
      await other.connect();
      await other.close();
    },
    async burst(key, topic, count, size) {
      for (let number = 0; number < Number(count); number++) {
        const payload = Buffer.alloc(Number(size), 'x');
        payload.writeUInt32BE(number);
        await client.publish(topic, payload);
      }
      return flush();
    },
    async req(key, topic, payload, headers) {
      const message = await client.request(topic, unhex(payload), { headers: readHeaders(headers) });
      return [hex(message.payload), writeHeaders(message.headers)];
    },
    client,
  };
}

async function obey(agent, [verb, key, ...words]) {
  try {
    say('ok', key, ...(await agent[verb](key, ...words) ?? []));
  } catch (error) {
    say('failed', key, error.code ?? error.message);
  }
}

async function run(...args) {
  const me = agent(...args);
  const lines = readline.createInterface({ input: process.stdin });
  const waiting = [];
  let go = (line) => waiting.push(line);
  lines.on('line', (line) => go(line));
  const end = new Promise((resolve) => { lines.on('close', resolve); });
  await me.client.connect();
  go = (line) => obey(me, line.split(' '));
  waiting.forEach(go);
  await end;
  await me.client.close();
}

// The tree as the vectors write it.
function plain(value) {
  if (value instanceof Uint8Array)
    return { bin: Buffer.from(value).toString('hex') };
  if (typeof value === 'number' && !Number.isInteger(value))
    return { float: value };
  if (Array.isArray(value))
    return value.map(plain);
  const pairs = () => Object.entries(value).map(([key, item]) => [key, plain(item)]);
  return typeof value === 'object' && value !== null ? { map: pairs() } : value;
}

async function decodeLines() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const data = Buffer.from(line, 'hex');
    try {
      if (data.length !== 5 + umbel.bodyLength(data))
        throw new Error('another length than it says');
      say(JSON.stringify(plain(umbel.decode(data.subarray(5)))));
    } catch (error) {
      say('refused', error.message.replaceAll('\n', ' '));
    }
  }
}

if (process.argv[2] === '--decode')
  decodeLines();
else
  run(...process.argv.slice(2));
