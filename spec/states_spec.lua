-- SPDX-License-Identifier: MIT
--
-- A program with Lua inside, spec/c/states_host.c, opens many states, also in
-- many threads, which `make sanitize` runs with the thread sanitizer.
local process = require "support.process"

-- Runs code in `states` states one after the other, in each of `threads`
-- threads.
local function run(threads, states, code)
  local script = os.tmpname()
  process.write(script, code)
  local output, status = process.run(("%s/spec/states %d %d %s"):format(
    process.build, threads, states, script))
  os.remove(script)
  assert.equal(0, status, output)
  return output
end

describe("a program with Lua inside", function()
  it("may load and close it a thousand times: memory and descriptors stay as"
    .. " they are", function()
    local output = run(1, 1000, [[
      local balance = require "balance"
      local core = require "balance.core"
      assert(balance.udio())
      local transfer = core.transport():start { path = "/", timeout = 5,
        endpoint = os.getenv "UDIO_ENDPOINT", connect_timeout = 5 }
      core.transport():step()
      balance.tc3.sign { secret_id = "i", secret_key = "k", service = "s",
        host = "h" }
    ]])
    local first, open_first, last, open_last = output:match(
      "^(%d+) KiB, (%d+) descriptors\n(%d+) KiB, (%d+) descriptors\n$")
    assert.equal(open_first, open_last)
    -- AddressSanitizer keeps freed memory, and looks for leaks itself.
    local is_asan = process.lua:find("/asan ", 1, true)
    assert.is_true(is_asan ~= nil or last - first < 1024, output)
  end)

  it("may have states in many threads, each with its own calls", function()
    run(4, 10, [[
      local balance = require "balance"
      for i = 1, 20 do
        local name = i % 2 == 0 and "udio" or "tempolor"
        local result, err = balance[name]()
        assert(result, tostring(err))
        balance.tc3.sign { secret_id = "i", secret_key = "k" .. i,
          service = "s", host = "h" }
      end
      local results = balance.all { udio = {}, tempolor = {} }
      assert(results.udio and results.tempolor)
    ]])
  end)

  it("may have wakers in many threads, which are armed, closed and forked",
    function()
      run(4, 5, [[
        local core = require "balance.core"
        local udp = require "support.udp"
        local posix = assert(package.loadlib(
          os.getenv("BALANCE_BUILD") .. "/spec/fork.so", "luaopen_fork"))()
        local transport = core.transport()
        if not transport:fd() then
          return -- this build uses poll
        end
        for round = 1, 10 do
          transport:fd() -- it is open
          local port, nonce = transport:waker()
          local one = udp.connect(port)
          one.send(nonce)
          for _ = 1, 10 do
            assert(transport:arm(0.001))
            assert(one.receive(5) == "\0")
          end
          if round % 2 == 0 then
            assert(transport:arm(60))
          end
          if round == 5 then
            local child = posix.fork()
            if child == 0 then
              assert(not transport:arm(1))
              transport:close()
              posix.exit(7)
            end
            assert(posix.wait(child) == 7)
          end
          if round < 10 then -- the last one by lua_close
            transport:close()
          end
          one.close()
        end
      ]])
    end)
end)
