-- SPDX-License-Identifier: MIT
--- Row 4: a whole process that prints one balance, over a fresh TLS
-- connection, beside `curl` of the same URL. Both trust what a system does,
-- and the sandbox's CA: a copy of the bundle, and of the hashed directory.
local measure = require "bench.measure"
local process = require "support.process"
local report = require "bench.report"

local rounds, count = 15, 3
local system = "/etc/ssl/certs"
local copy = "build/bench/trust"

if not measure.works "command -v curl" then
  report.skip(4, "a whole process : curl", "there is no curl")
elseif not measure.works("ls " .. system .. "/ca-certificates.crt") then
  report.skip(4, "a whole process : curl", "no ca-certificates as on Debian")
else
  assert(measure.works(([[
    rm -rf %s && cp -rL %s %s && cd %s &&
    cat "$SSL_CERT_FILE" >>ca-certificates.crt &&
    cp "$SSL_CERT_FILE" sandbox.pem &&
    ln -s sandbox.pem "$(openssl x509 -noout -hash -in sandbox.pem).0"
  ]]):format(copy, system, copy, copy)))
  local bundle = copy .. "/ca-certificates.crt"
  local curl = ("CURL_CA_BUNDLE=%s build/bench/spawn curl -sS --capath %s"
    .. " -H 'Authorization: Bearer '$UDIO_API_KEY %s/api/v2/credits"):format(
    bundle, copy, os.getenv "UDIO_ENDPOINT")
  local stores = {
    { "hashed directory, as here by default", "SSL_CERT_DIR=" .. copy },
    { "bundle", "SSL_CERT_FILE=" .. bundle },
  }
  for _, lua in ipairs { "lua5.4", "luajit" } do
    for _, store in ipairs(stores) do
      local ours = measure.start(("unset SSL_CERT_FILE; %s build/bench/spawn "
        .. "env %s"):format(store[2], measure.lua(lua, "one_call.lua")), count)
      local peer = measure.start("unset SSL_CERT_FILE; " .. curl, count)
      measure.alternate(rounds, { ours, peer })
      local what = ("a whole process, %s, %s : curl, "):format(lua, store[1])
      report.compare(4, what .. "wall", ours.wall, peer.wall, { most = 0.6 })
      report.compare(4, what .. "CPU", ours.cpu, peer.cpu, { most = 0.6 })
    end
  end
  process.run("rm -rf " .. copy)
end
