// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT
// A small client of umbel, written from PROTOCOL.md alone. It needs @msgpack/msgpack; ../README.md says more.

'use strict';
const { EventEmitter, once } = require('node:events');
const net = require('node:net');
const msgpack = require('@msgpack/msgpack');

const [HELLO, WELCOME, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, DELIVER, GAP, OK, ERROR, PING, PONG, GOAWAY, HOLD] =
  Array.from({ length: 13 }, (_, index) => index + 1);
const TOPIC = /^(?!\.)(?!.*\.(\.|$))[^\0-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000*]+$/;

// What a broker may send: the elements after the type, each as a letter of tag().
const SHAPES = {
  [WELCOME]: /^[7u]{3}m/, [PUBLISH]: /^78s[sz][mz][b8]/, [DELIVER]: /^[7u][mz]P/, [GAP]: /^[7utn]{2}s/, [OK]: /^[7u]/,
  [ERROR]: /^[7utn]s[7u]y[sz]/, [PING]: /^[7ut]/, [PONG]: /^[7ut][7utn]{3}/, [GOAWAY]: /^s[7u]/, [HOLD]: /^y[7u]ss/,
};
const fits = (frame) => /[7u]/.test(tag(frame[0])) && !!SHAPES[frame[0]]?.test(frame.slice(1).map(tag).join(''));

function tag(value) {
  if (Number.isInteger(value) && value >= 0)
    return value < 2 ** 7 ? '7' : value < 2 ** 32 ? 'u' : value < 2 ** 53 ? 't' : 'n';
  if (value instanceof Uint8Array) return value.length === 8 ? '8' : 'b';
  if (Array.isArray(value)) return value[0] === PUBLISH && fits(value) ? 'P' : 'x';
  return { string: 's', boolean: 'y', object: value === null ? 'z' : 'm' }[typeof value] ?? 'x';
}

function bodyLength(prefix, maxFrame = 4 << 20) {
  const length = prefix.readUInt32BE(1);
  if (prefix[0] !== 0xce || length > maxFrame + 4096)
    throw new Error(`no umbel broker: a frame begins with ${prefix.toString('hex', 0, 5)}`);
  return length;
}

// The frame in `body`; of an extension, which is skipped and may hold anything, only its type.
function decode(body) {
  const at = { 0xdc: 3, 0xdd: 5 }[body[0]] ?? 1;
  const [type] = body[0] >> 4 === 9 || at > 1 ? msgpack.decodeMulti(body.subarray(at)) : [];
  const frame = type >= 0x80 ? [type] : unpack(body);
  if (!(type >= 0x80 || fits(frame))) throw new Error(`no frame that a broker sends: type ${type}`);
  return frame;
}

function unpack(body) {
  try {
    return msgpack.decode(body, { maxArrayLength: body.length, maxMapLength: body.length });
  } catch (error) { // anybody may send such a header: the message is lost for us, and not the connection
    if (!error.message.includes('__proto__')) throw error;
    return [GAP, 1, body.length + 5, error.message];
  }
}

function encode(...frame) {
  const body = msgpack.encode(frame);
  return Buffer.concat([Buffer.of(0xce, ...[24, 16, 8, 0].map((bits) => (body.length >> bits) & 255)), body]);
}

function messageOf([, , stamp, topic, reply, headers, payload], info) {
  const [sender, bytes] = [stamp, payload].map((bin) => Buffer.from(bin.buffer, bin.byteOffset, bin.length));
  const [session, uid] = [sender.readUInt32BE(0), sender.readUInt32BE(4)]; // 0: the broker, 0xffffffff: a datagram
  return { topic, payload: bytes, reply, headers: headers ?? {}, session, uid, retained: false, ...info };
}

function patternOf(filter) {
  const tokens = filter.replace(/[\\^$+?()[\]{}|]/g, '\\$&').split('.');
  const pattern = tokens.map((token) => ({ '*': '[^.]+', '**': '.+' })[token] ?? token).join('\\.');
  return new RegExp(`^${filter.startsWith('*') ? '(?!\\$)' : ''}${pattern}$`, 's');
}

// The broker refused, or a responder says that it failed: then the code is its own.
const refusal = (code, text, about) => Object.assign(new Error(about ? `${text} (${about})` : text), { code, about });

function promise() {
  const done = {};
  done.promise = new Promise((resolve, reject) => Object.assign(done, { resolve, reject }));
  done.promise.catch(() => {}).then(() => { done.settled = true; }); // it is for those who wait to look at errors
  return done;
}

// Behind what is at work: an error in a handler is not one of the connection.
const call = (sub, message) => void Promise.resolve(message).then(sub.handler);

// One session after the other. Events: up; down(why, unconfirmed: messages that may or may not have arrived);
// gap(frames, bytes, reason): messages for us were lost here; hold(on, session, name, topic): who makes our
// publishing wait; problem(error): one that nobody waits for.
class Client extends EventEmitter {
  #subs = new Map(); // by number
  #requests = new Map(); // SUBSCRIBE and UNSUBSCRIBE without an answer, by number
  #waiting = new Map(); // who waits for a reply or for PONG, by topic or token
  #up = promise(); // there is a session, and it may publish
  #room = promise(); // in the socket
  #next = 1;
  #unconfirmed = 0;
  #delay = 0;
  constructor(name, { path, ...hello } = {}) { // hello: overflow, will
    super();
    Object.assign(this, { name, path, hello, session: 0, uid: 0, limits: { max_frame: 0 } });
  }

  connect() {
    return (this.ended = this.#run()) && this.#up.promise;
  }

  // Waits for a connection and for room. That it arrived is for flush() to say.
  async publish(topic, payload = '', { reply = null, headers = null, retain = false } = {}) {
    if (![topic, reply ?? topic].every((name) => TOPIC.test(name) && Buffer.byteLength(name) < 256))
      throw new Error(`no topic: ${topic}, or no reply: ${reply}`);
    while (!this.#up.open) // else without any wait: messages go out in the order of the calls
      await this.#up.promise;
    const frame = encode(PUBLISH, Number(retain), new Uint8Array(8), topic, reply, headers, Buffer.from(payload));
    if (frame.length - 5 > this.limits.max_frame)
      throw new Error(`too long: ${frame.length - 5} bytes, max_frame is ${this.limits.max_frame}`);
    this.#unconfirmed++;
    if (!this.socket.write(frame))
      await this.#room.promise;
  }

  // Resolves to the subscription when it is granted. Options: group, retained, monitor.
  subscribe(filter, handler, options = {}) {
    const sub = { number: this.#next++, filter, handler, options, pattern: patternOf(filter), done: promise() };
    this.#subs.set(sub.number, sub);
    this.#ask(SUBSCRIBE, sub, sub.done, filter, options);
    return sub.done.promise;
  }

  async unsubscribe(sub) {
    const done = promise();
    this.#ask(UNSUBSCRIBE, sub, done);
    await (this.session && done.promise);
    this.#subs.delete(sub.number);
  }

  // Resolves to the message that comes in reply.
  async request(topic, payload, { headers, timeout = 5000 } = {}) {
    const done = promise();
    const timer = setTimeout(() => done.reject(new Error(`no reply in time (${topic})`)), timeout);
    await Promise.race([this.#up.promise, done.promise]);
    const inbox = `${this.limits.inbox}.${this.#next++}`;
    this.#waiting.set(inbox, done);
    this.publish(topic, payload, { reply: inbox, headers }).catch(done.reject);
    return done.promise.finally(() => clearTimeout(timer) ?? this.#waiting.delete(inbox));
  }

  // Resolves when all that was published before has been routed: { accepted, unmatched, refused }.
  async flush() {
    await this.#up.promise;
    const done = promise();
    this.#waiting.set(this.#next, done);
    this.socket.write(encode(PING, this.#next++));
    return done.promise;
  }

  // In order: what was published is routed, what is on its way is handled.
  async close() {
    this.closing = true;
    if (this.#up.open) await this.flush().then(() => this.socket.write(encode(GOAWAY, 'done', 0)));
    await this.ended;
  }
  #ask(what, sub, done, ...more) { // without a connection #run() will
    this.#requests.set(this.#next, { sub, done });
    this.socket?.write(encode(what, this.#next++, sub.number, ...more));
  }
  async #run() {
    for (let pause = 10; !this.closing; pause = Math.min(2 * pause, 2000)) {
      const why = await this.#open().then((socket) => this.#converse(socket)).catch((error) => error);
      pause = this.session ? 10 : pause;
      this.#lost(why);
      await new Promise((resolve) => setTimeout(resolve, this.#delay + pause * (0.75 + Math.random() / 2)));
    }
  }
  async #open() {
    const path = this.path ?? process.env.UMBEL_SOCKET;
    const paths = path ? [path] : [`${process.env.XDG_RUNTIME_DIR}/umbel/umbel.sock`, '/run/umbel/umbel.sock'];
    const connect = async (path, socket = net.connect(path)) => (await once(socket, 'connect')) && socket;
    return connect(paths[0]).catch(() => connect(paths.at(-1)));
  }
  async #converse(socket) {
    this.socket = socket.on('drain', () => this.#room.resolve(this.#room = promise()));
    socket.write(encode(HELLO, 1, this.name, this.hello));
    this.#subs.forEach((sub) => this.#ask(SUBSCRIBE, sub, sub.done, sub.filter, sub.options));
    let data = Buffer.alloc(0);
    for await (const chunk of socket) {
      data = Buffer.concat([data, chunk]);
      for (let end; data.length >= 5 && data.length >= (end = 5 + bodyLength(data, this.limits.max_frame));) {
        const [type, ...elements] = decode(data.subarray(5, end));
        this.#on[type]?.(...elements);
        data = data.subarray(end);
      }
    }
  }
  #lost(why) {
    const lost = { session: this.session, unconfirmed: this.#unconfirmed };
    [this.session, this.socket, this.#unconfirmed] = [0, null, 0];
    this.#up = this.#up.open ? promise() : this.#up;
    this.#room.resolve();
    this.#requests.forEach(({ sub, done }) => done === sub.done || done.resolve());
    this.#waiting.forEach((done) => done.reject(new Error('connection lost', { cause: why })));
    [this.#requests, this.#waiting].forEach((map) => map.clear());
    this.#subs.forEach((sub) => { sub.granted = false; });
    if (lost.session) this.emit('down', why, lost.unconfirmed);
  }
  #on = {
    [WELCOME]: (version, session, uid, limits) => {
      Object.assign(this, { session, uid, limits });
      this.#delay = 0;
      this.socket.write(encode(SUBSCRIBE, this.#next++, 0, `${limits.inbox}.*`, {}));
      this.#up.resolve(this.#up.open = true);
      this.emit('up');
    },
    [PUBLISH]: (...publish) => {
      const message = messageOf([PUBLISH, ...publish]);
      const [{ error }, waiting] = [message.headers, this.#waiting.get(message.topic)];
      waiting?.[error ? 'reject' : 'resolve'](error ? refusal(error, message.payload.toString()) : message);
      this.#subs.forEach((sub) => sub.granted && !sub.options.group && sub.pattern.test(message.topic) &&
        call(sub, message));
    },
    [DELIVER]: (number, info, publish) =>
      this.#subs.has(number) && call(this.#subs.get(number), messageOf(publish, info)),
    [OK]: (number) => {
      const { sub, done } = this.#requests.get(number) ?? { sub: {} }; // that of the inbox is not there
      sub.granted = sub.done === done;
      done?.resolve(this.#requests.delete(number) && sub);
    },
    [ERROR]: (code, text, number, fatal, about) => {
      const error = refusal(code, text, about);
      const { sub, done } = this.#requests.get(number) ?? { done: this.#waiting.get(about) };
      this.#subs.forEach((ended) => (ended === sub || (code === 38 && ended.filter === about)) && // 38: revoked
        this.#subs.delete(ended.number));
      done?.reject(error);
      this.#requests.delete(number);
      if (!done || done.settled) this.emit('problem', error);
    },
    [PING]: (token) => this.socket.write(encode(PONG, token)),
    [PONG]: (token, accepted, unmatched, refused) => {
      this.#unconfirmed -= accepted + refused;
      this.#waiting.get(token)?.resolve({ accepted, unmatched, refused });
      this.#waiting.delete(token);
    },
    [GAP]: (frames, bytes, reason) => this.emit('gap', frames, bytes, reason),
    [HOLD]: (on, session, name, topic) => this.emit('hold', on, session, name, topic),
    [GOAWAY]: (reason, delay) => {
      this.flush().catch(() => {});
      [this.#delay, this.#up] = [delay, promise()];
    },
  };
}

module.exports = { Client, bodyLength, decode, encode };
