// Loaded before the server: whatever listens, listens on this machine alone. The development network binds every interface.
import net from 'node:net'

const host = '127.0.0.1'
const listen = net.Server.prototype.listen
const isPort = (value) => typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))

net.Server.prototype.listen = function (...args) {
  const [first] = args
  const done = args.filter((each) => typeof each === 'function')
  if (isPort(first)) return listen.call(this, { port: Number(first), host }, ...done)
  if (first && typeof first === 'object' && 'port' in first) return listen.call(this, { ...first, host }, ...done)
  if (first === undefined || typeof first === 'function') return listen.call(this, { port: 0, host }, ...done)
  return listen.apply(this, args)
}
