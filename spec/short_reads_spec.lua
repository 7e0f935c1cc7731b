-- SPDX-License-Identifier: MIT
-- Calls where each read and each write moves one byte, or none.
local accounts = require "sandbox.accounts"
local faults = require "support.faults"
local process = require "support.process"

-- Runs code under these conditions, and returns what it printed.
local function in_short_reads(setting, code, ...)
  local output, status = process.run_lua(code, setting .. " LD_PRELOAD="
    .. process.build .. "/spec/short_reads.so", ...)
  assert.equal(0, status, output)
  local count = 0 -- of all processes, the shell's too
  local text = output:gsub("(%d+) short calls\n", function(number)
    count = count + tonumber(number)
    return ""
  end)
  assert.is_true(count > 1000, output)
  return text
end

describe("where every read is short, a call #transport", function()
  -- libcurl 7.88 fails where it cannot write the first bytes of HTTP/2 at
  -- once. A new connection always can.
  for _, case in ipairs {
    { "in clear text", "SANDBOX_PLAIN", "" },
    { "over TLS and HTTP/1.1", "UDIO_ENDPOINT", "" },
    { "over TLS and HTTP/2", "UDIO_ENDPOINT", "READY_TO_WRITE=1", "http2" },
  } do
    it("works " .. case[1] .. ", and again on the kept connection", function()
      local text = in_short_reads(case[3], [[
        local client = require("balance").new { retries = 0, rate = false,
          http2 = arg[2] == "http2",
          trace = function(event) io.write(tostring(event.reused), " ") end }
        for _ = 1, 2 do
          for _, name in ipairs { "tempolor", "udio", "tencent" } do
            local result, err = client[name] { endpoint = arg[1] }
            io.write(tostring(result and result.available or err), " ")
          end
        end
      ]], os.getenv(case[2]), case[4])
      local again = ("true %s true %s true %s "):format(
        accounts.tempolor.main.balance, accounts.udio.main.credits,
        accounts.tencent.main.amounts.RealCreditBalance)
      assert.equal(again:gsub("true", "false", 1) .. again, text)
    end)
  end

  -- The control port answers once the server has acted after its answer.
  for fault, expected in pairs {
    ["second-answer"] = "^%d+ %d+ %d+ $", ["idle-close"] = "^%d+ %d+ %d+ $",
    ["say-and-reset"] = "^network network network $",
  } do
    it("is not confused by a server that misbehaves: " .. fault, function()
      local endpoint = faults.endpoint()
      local text = in_short_reads("", [[
        local faults = require "support.faults"
        local client = require("balance").new { retries = 0 }
        for _ = 1, 3 do
          assert(faults.fetch("/" .. arg[1],
            { endpoint = arg[2], body = "" }).status == 200)
          local result, err = client:udio { api_key = "k", endpoint = arg[3] }
          io.write(result and result.available or err.kind, " ")
        end
      ]], fault, "http://127.0.0.1:" .. faults.ports.control, endpoint)
      assert.matches(expected, text)
    end)
  end
end)
