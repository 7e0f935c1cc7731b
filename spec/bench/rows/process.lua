-- SPDX-License-Identifier: MIT
--- Row 4: a whole process that prints one balance, over a fresh TLS
-- connection, beside `curl` of the same URL. Both trust what a system does,
-- and the sandbox's CA: a copy of the bundle, and of the hashed directory.
local measure = require "bench.measure"
local report = require "bench.report"
local trust = require "bench.trust"

local rounds, count = 15, 3

if not measure.works "command -v curl" then
  report.skip(4, "a whole process", "curl", "it is not installed")
elseif not trust.make() then
  report.skip(4, "a whole process", "curl",
    "no certificates where Debian has them")
else
  local spawn = measure.program "spawn"
  local curl = ("CURL_CA_BUNDLE=%s %s curl -sS --capath %s"
    .. " -H 'Authorization: Bearer '$UDIO_API_KEY %s/api/v2/credits"):format(
    trust.bundle, spawn, trust.directory, os.getenv "UDIO_ENDPOINT")
  local stores = {
    { "the hashed directory, as by default",
      "SSL_CERT_DIR=" .. trust.directory, aim = { most = 0.6 } },
    { "the bundle", "SSL_CERT_FILE=" .. trust.bundle, aim = { most = 1.2 } },
  }
  for _, lua in ipairs { "lua5.4", "luajit" } do
    for _, store in ipairs(stores) do
      local ours = measure.start(("unset SSL_CERT_FILE; %s %s env %s"):format(
        store[2], spawn, measure.lua(lua, "one_call.lua")), count)
      local peer = measure.start("unset SSL_CERT_FILE; " .. curl, count)
      measure.alternate(rounds, { ours, peer })
      local what = ("a whole process, %s, trust in %s, "):format(lua,
        store[1])
      report.compare(4, what .. "wall", "curl", ours.wall, peer.wall,
        store.aim)
      report.compare(4, what .. "CPU", "curl", ours.cpu, peer.cpu,
        store.aim)
    end
  end
  trust.remove()
end
