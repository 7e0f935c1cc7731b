-- SPDX-License-Identifier: MIT
--
-- balance.core while Lua runs in the middle of a call: a metamethod when a
-- field is read, a finalizer whenever something is pushed.
local core = require "balance.core"
local faults = require "support.faults"
local transfers = require "support.transfers"

local newproxy = rawget(_G, "newproxy")
local finish, start = transfers.finish, transfers.start

describe("balance.core", function()
  it("holds what it was given until a start is done", function()
    local headers = {}
    local request = setmetatable({ endpoint = faults.endpoint(),
      path = "/echo", timeout = 5, connect_timeout = 5 },
      { __index = function(_, name)
        if name == "headers" then
          headers["X-One"] = ("1"):rep(100) .. tostring({})
          return headers
        end
        headers["X-One"] = nil
        collectgarbage()
      end })
    local transfer = finish(core.transport():start(request))
    assert.matches("X%-One: 1+table: 0x%x+\r\n", transfer:result().body)
  end)

  -- Calls again and again with the finalizer of something else in between,
  -- at whatever moment the collector finds it. Nothing else is allocated.
  local function with_finalizer(finalize, call, good)
    local finalized = false
    local function once()
      finalized = true
      finalize()
    end
    coroutine.wrap(function() -- not on this stack
      if _VERSION == "Lua 5.1" then
        getmetatable(newproxy(true)).__gc = once
      else
        setmetatable({}, { __gc = once })
      end
    end)()
    local wrong
    for _ = 1, 500 do
      local ok, answer = pcall(call)
      if ok and answer ~= good then
        wrong = answer
      end
      if finalized then
        break
      end
    end
    pcall(collectgarbage)
    return wrong
  end

  local function set_pause(percent)
    if _VERSION == "Lua 5.5" then
      return collectgarbage("param", "pause", percent)
    end
    return collectgarbage("setpause", percent)
  end

  local transfer
  for name, call in pairs {
    result = function() return transfer:result().body end,
    header = function() return transfer:header "X-Long" end,
  } do
    it("holds a transfer until it is read: " .. name, function()
      local pause = set_pause(1)
      local long = ("x"):rep(1000)
      faults.choose("say", ("HTTP/1.1 200 OK\r\nX-Long: %s\r\n"
        .. "Content-Length: %d\r\n\r\n%s"):format(long, #long, long))
      for _ = 1, 50 do
        transfer = finish(start { endpoint = faults.endpoint() })
        assert.is_nil(with_finalizer(function()
          transfer:close()
          core.transport():close()
        end, call, long))
      end
      faults.choose "none"
      set_pause(pause)
    end)
  end

  -- Lua before 5.4 raises what a finalizer raises, at whatever allocates; for
  -- later ones see walk_spec.
  it("can close a transfer whose result() or header() has raised", function()
    local pause = set_pause(1)
    for _ = 1, 100 do
      transfer = finish(start())
      with_finalizer(function() error("boom", 0) end, function()
        transfer:result()
        transfer:header "date"
      end)
      transfer:close()
      assert.has_error(function() transfer:id() end, "this transfer is closed")
    end
    set_pause(pause)
  end)

  it("closes a transfer that was closed while it was read", function()
    local body, closed = {}, false
    transfer = finish(start())
    if debug.getinfo(transfer.result, "S").what ~= "C" then
      return -- COLLECT=1 has wrapped it, and the hook would see the wrapper's
    end
    debug.sethook(function()
      local called = debug.getinfo(2, "f").func
      if called ~= transfer.result and called ~= debug.sethook
        and not closed then
        closed = true
        transfer:close()
        body = transfer:result()
      end
    end, "c")
    local result = transfer:result()
    debug.sethook()
    assert.is_true(closed)
    assert.equal("connect", result.kind)
    assert.same(result, body)
    assert.has_error(function() transfer:id() end, "this transfer is closed")
  end)

  it("holds a signature until it is read", function()
    local function sign(service)
      return core.sign { secret_id = "i", secret_key = "s3cr3t",
        service = service, host = "h", timestamp = 1 }.Authorization
    end
    local pause, good = set_pause(1), sign "s"
    for _ = 1, 200 do
      assert.is_nil(with_finalizer(function() sign "another" end,
        function() return sign "s" end, good))
    end
    set_pause(pause)
  end)
end)
