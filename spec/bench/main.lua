-- SPDX-License-Identifier: MIT
--- The table of `make bench`. A row's name is its number in the project's
-- list of aims; without a choice all of them run, and the table is also left
-- in bench.md, for the README.
--
-- main.lua [ROWS]    such as 1,4
local core = require "balance.core"
local process = require "support.process"
local report = require "bench.report"

local rows = { "sign", "call", "by_hand", "process", "all", "growth", "nginx",
  "require", "size", "hit", "guard", "command" }

local function version(command, pattern)
  return process.run(command):match(pattern) or "?"
end

local function introduction()
  local info = core.info()
  local cpu = process.read("/proc/cpuinfo") or ""
  return ("%s, %s with %s processors of %s. libcurl %s, %s, %s, %s, %s."):
    format(os.date "!%Y-%m-%d", version("uname -sm", "^[^\n]*"),
    version("nproc", "%d+"), cpu:match("model name%s*: ([^\n]*)") or "?",
    info.libcurl, info.libcrypto:match("^%S+ %S+"),
    version("lua5.4 -v", "^Lua %S+"), version("luajit -v", "^LuaJIT %S+"),
    version("PATH=$PATH:/usr/sbin nginx -v", "nginx/%S+"))
end

local chosen = {}
for number in (arg[1] or ""):gmatch("%d+") do
  chosen[tonumber(number)] = true
end
local all = not next(chosen)

local measured = introduction()
print(measured)
report.head()
for number, name in ipairs(rows) do
  if all or chosen[number] then
    require("bench.rows." .. name)
  end
end
if all then
  process.write("spec/bench/bench.md", "Measured " .. measured .. "\n\n"
    .. table.concat(report.lines, "\n") .. "\n")
end
