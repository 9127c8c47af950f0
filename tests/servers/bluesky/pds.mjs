// A PDS with its PLC directory, on the ports that the environment names. Data go to TMPDIR.
import { pathToFileURL } from 'node:url'

const { TestNetworkNoAppView } = await import(pathToFileURL(process.env.BLUESKY_DEV_ENV).href)
const network = await TestNetworkNoAppView.create({
  pds: { port: Number(process.env.BLUESKY_PDS_PORT), hostname: 'localhost' },
  plc: { port: Number(process.env.BLUESKY_PLC_PORT) },
})
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    await network.close().catch(() => {})
    process.exit(0)
  })
}
