-- SPDX-License-Identifier: MIT
--- Row 12: the command. `balance get` of three accounts, which it also remembers,
-- beside a Lua script that asks the same, and beside `curl` that asks one after
-- another. And `balance --help`.
local measure = require "bench.measure"
local process = require "support.process"
local report = require "bench.report"
local trust = require "bench.trust"

local rounds, count = 15, 3
local state = "build/bench/state.sqlite"

local spawn = measure.program "spawn"

local function command(lua, arguments)
  return ("unset SSL_CERT_FILE; SSL_CERT_DIR=%s BALANCE_STATE=%s %s env %s"
    .. " %s")
    :format(trust.directory, state, spawn, measure.lua(lua, "command.lua"),
      arguments)
end

local function script(lua)
  return ("unset SSL_CERT_FILE; SSL_CERT_DIR=%s %s env %s"):format(
    trust.directory, spawn, measure.lua(lua, "three_calls.lua"))
end

-- Tencent's call is not signed, and so refused, which costs no less.
local curls = ("unset SSL_CERT_FILE; CURL_CA_BUNDLE=%s %s sh -c %s"):format(
  trust.bundle, spawn, process.quote(([[
    c="curl -sS -o /dev/null --capath %s"
    $c -H "Authorization: Bearer $UDIO_API_KEY" $UDIO_ENDPOINT/api/v2/credits
    $c -H "Authorization: $TEMPOLOR_API_KEY" -d '{}' \
      $TEMPOLOR_ENDPOINT/open-apis/v1/account/billing
    $c -H "X-TC-Action: DescribeAccountBalance" -d '{}' $TENCENT_ENDPOINT/
  ]]):format(trust.directory)))

if not measure.works "command -v curl" then
  report.skip(12, "the command", "curl", "it is not installed")
elseif not trust.make() then
  report.skip(12, "the command", "curl",
    "no certificates where Debian has them")
else
  for _, lua in ipairs { "lua5.4", "luajit" } do
    local ours = measure.start(command(lua, "get"), count)
    local alone = measure.start(script(lua), count)
    local peer = measure.start(curls, count)
    local help = measure.start(command(lua, "--help"), count)
    measure.alternate(rounds, { ours, alone, peer, help })
    local what = ("balance get of three, %s, "):format(lua)
    report.compare(12, what .. "wall", "the same in a Lua script", ours.wall,
      alone.wall, { most = 1.3 })
    report.compare(12, what .. "wall", "three of curl", ours.wall, peer.wall,
      { most = 0.7 })
    report.value(12, ("balance --help, %s, wall"):format(lua), "",
      report.median(help.wall), "", help.wall, report.seconds,
      { most = 30e-3 })
  end
  trust.remove()
  process.run(("rm -f %s %s-wal %s-shm"):format(state, state, state))
end
