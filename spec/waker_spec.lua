-- SPDX-License-Identifier: MIT
--
-- The transport's waker, for a loop that waits for a datagram: its thread, who
-- hears from it and when. What nginx makes of it is in nginx_waker_spec.lua.
local core = require "balance.core"
local faults = require "support.faults"
local process = require "support.process"
local udp = require "support.udp"

local transport = core.transport()

local function start(path, timeout)
  return assert(transport:start {
    endpoint = faults.endpoint(), path = path, timeout = timeout or 5,
    connect_timeout = 5,
  })
end

local function threads()
  return tonumber(process.read("/proc/self/status"):match "Threads:%s+(%d+)")
end

local function descriptors()
  return tonumber((process.run "ls /proc/$PPID/fd | wc -l"))
end

-- A socket that hears from the waker.
local function meet()
  local port, nonce = transport:waker()
  local one = udp.connect(port)
  one.send(nonce)
  return one
end

local has_waker = transport:fd() ~= nil -- this build does not use poll

describe("the transport's waker #transport", function()
  if not has_waker then
    it("is not there where the transport has no descriptor", function()
      start("/silent"):close()
      assert.is_nil(transport:waker())
      assert.is_nil(transport:arm(1))
    end)
    return
  end

  -- A new one: what comes over connections that others have left wakes, too.
  before_each(function()
    transport:close()
    transport:fd()
  end)

  after_each(function() transport:close() end)

  it("wakes by time, once, and again when it is armed again", function()
    local one = meet()
    for _ = 1, 3 do
      local before = core.now()
      assert.is_true(transport:arm(0.05))
      assert.equal("\0", one.receive(5))
      assert.is_true(core.now() - before >= 0.049)
      assert.is_nil(one.receive(0.1))
    end
    one.close()
  end)

  it("wakes when a step is due, by an answer and by a time limit", function()
    local one = meet()
    for path, kind in pairs { none = false, silent = "timeout" } do
      local transfer = start("/" .. path, path == "silent" and 0.2 or 5)
      transport:step()
      while not transfer:done() do
        assert.is_true(transport:arm(60))
        assert.equal("\0", one.receive(5))
        transport:step()
      end
      assert.equal(kind, transfer:result().kind or false)
    end
    one.close()
  end)

  it("wakes at once where something is ready before it is armed", function()
    local one = meet()
    local transfer = start "/none"
    while not transfer:done() do
      transport:step()
      process.sleep(0.05)
      assert.is_true(transport:arm(transfer:done() and 0 or 60))
      assert.equal("\0", one.receive(5))
    end
    one.close()
  end)

  -- The step used to set the one timer anew, before the thread had seen it.
  it("wakes by time, even if somebody makes a step at that time", function()
    local one, transfer = meet(), start "/silent"
    for _ = 1, 50 do
      assert.is_true(transport:arm(0.003))
      local over = core.now() + 0.005
      repeat
        transport:step()
      until core.now() > over
      assert.equal("\0", one.receive(1))
    end
    transfer:close()
    one.close()
  end)

  it("wakes the last who has sent the nonce, and nobody else", function()
    local port, nonce = transport:waker()
    local stranger, first, second = udp.connect(port), udp.connect(port),
      udp.connect(port)
    stranger.send "\0"
    stranger.send(("x"):rep(#nonce))
    stranger.send(nonce .. "x")
    assert.is_nil(transport:arm(0))
    first.send(nonce)
    assert.is_true(transport:arm(0))
    assert.equal("\0", first.receive(5))

    stranger.send(nonce) -- is another one by now
    local same_port, new_nonce = transport:waker()
    assert.equal(port, same_port)
    assert.not_equal(nonce, new_nonce)
    assert.is_nil(transport:arm(0))
    second.send(new_nonce)
    assert.is_true(transport:arm(0))
    assert.equal("\0", second.receive(5))
    assert.is_nil(first.receive(0.05))
    assert.is_nil(stranger.receive(0))
    for _, one in ipairs { stranger, first, second } do
      one.close()
    end
  end)

  it("wakes nobody after it is disarmed", function()
    local one = meet()
    assert.is_true(transport:arm(0.05))
    transport:disarm()
    assert.is_nil(one.receive(0.2))
    assert.is_nil(transport:arm(0))
    one.close()
  end)

  it("ends with the transport, and wakes who waits then", function()
    local before, open = threads(), descriptors()
    for _ = 1, 20 do
      transport:fd()
      local one = meet()
      assert.equal(before + 1, threads())
      assert.is_true(transport:arm(60))
      transport:close()
      assert.equal("\0", one.receive(5))
      assert.equal(before, threads())
      assert.is_nil(transport:arm(60))
      one.close()
    end
    assert.is_true(descriptors() <= open)
  end)

  it("takes no signal", function()
    if process.lua:find "^valgrind" then
      return -- it keeps the masks of threads to itself
    end
    meet().close()
    local found
    for task in process.run("ls /proc/$PPID/task"):gmatch "%d+" do
      local status = process.run("cat /proc/$PPID/task/" .. task .. "/status")
      if status:find("Name:%s+balance%-waker") then
        -- all but SIGKILL, SIGSTOP and some of libc
        assert.matches("SigBlk:%s+%x+7ffbfeff\n", status)
        found = true
      end
    end
    assert.is_true(found)
  end)

  it("is the parent's alone after a fork", function()
    local output, status = process.run_lua([[
      local core = require "balance.core"
      local udp = require "support.udp"
      local posix = assert(package.loadlib(
        os.getenv("BALANCE_BUILD") .. "/spec/fork.so", "luaopen_fork"))()
      local transport = core.transport()
      local function meet()
        local port, nonce = transport:waker()
        local one = udp.connect(port)
        one.send(nonce)
        return one
      end
      local function is_woken(one)
        assert(transport:arm(0.02))
        return one.receive(5) ~= nil
      end
      transport:fd()
      local one = meet()
      assert(is_woken(one))
      for round = 1, 4 do
        assert(transport:arm(60)) -- its thread waits
        local child = posix.fork()
        if child == 0 then
          assert(not transport:arm(1)) -- it is the parent's
          assert(not transport:waker())
          if round % 2 == 0 then
            transport:close()
          end
          transport:fd()
          assert(is_woken(meet()))
          os.exit(7, true)
        end
        assert(posix.wait(child) == 7)
        assert(is_woken(one))
      end
      io.write "done"
    ]])
    -- a leak checker misses the thread in the child
    output = output:gsub("==%d+==Running thread %d+ was not suspended.-\n", "")
    assert.equal("done 0", output .. " " .. status)
  end)
end)
