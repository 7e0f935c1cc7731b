-- SPDX-License-Identifier: MIT
--
-- No memory: allocations fail in turn, once or from then on; see
-- spec/c/walk_host.c and support/walked.lua. `make walk` goes through every
-- one of them, which takes minutes; else there are steps.
local process = require "support.process"

local every = os.getenv "BALANCE_WALK" == "every"

local endpoints = {
  ["HTTP"] = os.getenv "SANDBOX_PLAIN",
  ["HTTPS"] = os.getenv "SANDBOX_HTTP1",
  ["HTTP/2"] = os.getenv "UDIO_ENDPOINT",
}

local is_luajit = rawget(_G, "jit") ~= nil

local modes = {
  once = "once and then has some again",
  on = "and never has any again",
}

-- Who runs out of memory.
local heaps = {
  { name = "own", title = "balance", step = 1 },
  { name = "curl", title = "libcurl", step = is_luajit and 29 or 7 },
  -- What OpenSSL makes of a single one is mostly something else.
  { name = "openssl", title = "OpenSSL", step = 997, least = 7,
    modes = { on = modes.on } },
  { name = "lua", title = "Lua", step = 211 },
}
if is_luajit then -- which crashes by itself, in coroutines of plain Lua too
  table.remove(heaps)
end

for _, heap in ipairs(heaps) do
  describe("where " .. heap.title .. " has no memory #walk", function()
    for mode, title in pairs(heap.modes or modes) do
      for protocol, endpoint in pairs(endpoints) do
        it(("%s, a call over %s fails cleanly or is right"):format(title,
          protocol), function()
          local step = every and (heap.least or 1) or heap.step
          local output, status = process.run(table.concat({
            process.build .. "/spec/walk", heap.name, mode, 1, step,
            "spec/support/walked.lua", endpoint,
          }, " "))
          assert.equal(0, status, output)
          if output == "OpenSSL is in use already\n" then
            pending "a library of this system has used OpenSSL before us"
            return
          end
          local not_ours = output:match(
            "^%d+ points, (%d+) of them libnghttp2's\n$")
          assert.is_string(not_ours, output)
          if heap.name ~= "curl" or protocol ~= "HTTP/2" then
            assert.equal("0", not_ours)
          end
        end)
      end
    end
  end)
end

describe("where Lua has no memory to read a transfer #walk", function()
  it("the transfer can be closed", function()
    if is_luajit then
      pending "see above"
      return
    end
    local output, status = process.run(table.concat({
      process.build .. "/spec/walk", "lua", "once", 1, 1,
      "spec/support/walked_close.lua", os.getenv "SANDBOX_PLAIN",
    }, " "))
    assert.equal(0, status, output)
    assert.matches("^%d+ points", output)
  end)
end)
