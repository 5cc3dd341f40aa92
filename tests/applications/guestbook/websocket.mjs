// As much of RFC 6455 as a stream of events needs: text out; ping and close answered; everything else from the client ignored.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 0x1;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
const FRAME_MAX_BYTES = 64 * 1024;

export function acceptWebSocket(request, socket, onEnd) {
  const key = request.headers['sec-websocket-key'];
  if (!key || request.headers.upgrade?.toLowerCase() !== 'websocket') {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return null;
  }
  const accept = createHash('sha1').update(key + GUID).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  return new WebSocket(socket, onEnd);
}

class WebSocket {
  #socket;
  #received = Buffer.alloc(0);
  #isClosing = false;

  constructor(socket, onEnd) {
    this.#socket = socket;
    socket.setTimeout(0);
    socket.on('data', (data) => this.#receive(data));
    socket.on('error', () => socket.destroy());
    socket.on('close', onEnd);
  }

  send(text) {
    if (!this.#isClosing) this.#write(TEXT, Buffer.from(text));
  }

  close(code) {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const reason = Buffer.alloc(2);
    reason.writeUInt16BE(code);
    this.#write(CLOSE, reason);
  }

  #write(opcode, payload) {
    const length = payload.length;
    const header = length < 126 ? Buffer.from([0x80 | opcode, length]) : Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]);
    this.#socket.write(Buffer.concat([header, payload]));
  }

  #receive(data) {
    this.#received = Buffer.concat([this.#received, data]);
    for (let frame = readFrame(this.#received); frame; frame = readFrame(this.#received)) {
      this.#received = this.#received.subarray(frame.size);
      this.#answer(frame);
    }
    if (this.#received.length > FRAME_MAX_BYTES) this.#socket.destroy();
  }

  #answer({ opcode, payload }) {
    if (opcode === PING) this.#write(PONG, payload);
    if (opcode !== CLOSE) return;
    this.close(payload.length >= 2 ? payload.readUInt16BE() : 1000);
    this.#socket.end();
  }
}

function readFrame(buffer) {
  if (buffer.length < 6) return null;
  const short = buffer[1] & 127;
  const offset = { 126: 4, 127: 10 }[short] ?? 2;
  if (buffer.length < offset) return null;
  const length = { 126: () => buffer.readUInt16BE(2), 127: () => Number(buffer.readBigUInt64BE(2)) }[short]?.() ?? short;
  const size = offset + 4 + length;
  if (buffer.length < size) return null;
  const mask = buffer.subarray(offset, offset + 4);
  const payload = Buffer.from(buffer.subarray(offset + 4, size)).map((byte, index) => byte ^ mask[index % 4]);
  return { opcode: buffer[0] & 15, payload, size };
}
