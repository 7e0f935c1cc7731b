-- SPDX-License-Identifier: MIT
--
-- Whatever balance.core is called with, it raises or answers, and works
-- afterwards. What it has is found by looking, so that what is new is tried.
local core = require "balance.core"
local faults = require "support.faults"
local process = require "support.process"
local transfers = require "support.transfers"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local finish, start = transfers.finish, transfers.start

local secret = "s3cr3t"
local nobody = transfers.nobody

local function close(transfer)
  transfer:close()
  return transfer
end

local function boom()
  error("boom", 0)
end

local cyclic = {}
cyclic[1], cyclic.headers = cyclic, cyclic
local hostile = setmetatable({}, {
  __index = boom, __newindex = boom, __len = boom, __pairs = boom,
  __tostring = boom, __eq = boom, __call = boom, __name = ("x"):rep(1000),
})

-- Every type, and of each what is at its edges. Times are short ones, since
-- some functions wait for as long as they are told.
local values = {
  { nil }, { false }, { true },
  { 0 }, { -1 }, { 2 ^ 53 }, { -2 ^ 63 },
  { rawget(math, "maxinteger") }, { rawget(math, "mininteger") },
  { 0.001 }, { -0.0 }, { 1e308 }, { 1 / 0 }, { -1 / 0 }, { 0 / 0 },
  { "" }, { secret }, { "0" }, { "\0" }, { "a\r\nb" }, { ("x"):rep(2 ^ 20) },
  { {} }, { { 1, 2 } }, { { name = "value" } }, { cyclic }, { hostile },
  { type }, { function() return secret end },
  { coroutine.create(function() end) }, { io.stdout },
  { require("cjson").null }, { core.transport() },
}

-- These are used up, so they are made anew each time.
local made = {
  start,
  function() return finish(start()) end,
  function() return close(start()) end,
}

local function value(i)
  if i <= #values then
    return values[i][1]
  end
  return made[i - #values]()
end

local count = #values + #made

local function callables()
  local found = {}
  for name, body in pairs(core) do
    found["core." .. name] = body
  end
  found["core.create_file"] = nil -- it would make files of these names
  found["core.catch_signals"] = nil -- it would be hard to end these specs
  for class, object in pairs {
    transport = core.transport(), transfer = start(),
  } do
    for name, body in pairs(debug.getmetatable(object).__index) do
      found[class .. ":" .. name] = body
    end
  end
  return found
end

-- Calls with `n` arguments of the list.
local function try(body, arguments, n)
  local ok, message = pcall(body, unpack(arguments, 1, n))
  if not ok then
    assert.equal("string", type(message))
    assert.is_nil(message:find(secret, 1, true), message)
  end
end

local function works()
  collectgarbage()
  collectgarbage()
  return faults.fetch("/none").status == 200
end

describe("balance.core", function()
  for name, body in pairs(callables()) do
    it("raises or answers, whatever is given to " .. name, function()
      try(body, {}, 0)
      for i = 1, count do
        try(body, { value(i) }, 1)
        for j = 1, count do
          try(body, { value(i), value(j) }, 2)
        end
        for _, self in ipairs { #values, #values + 2 } do
          try(body, { value(self), value(i), value(i) }, 3)
          try(body, { value(self), nil, value(i), value(i) }, 4)
        end
      end
      assert.is_true(works())
    end)
  end

  -- Reads a table's fields, and says which were asked for.
  local function spy(fields, asked)
    return setmetatable({}, { __index = function(_, name)
      asked[name] = true
      return fields[name]
    end })
  end

  -- Calls with each field of a good request, in turn, of each type.
  local function try_fields(call, fields)
    local asked = {}
    assert(call(spy(fields, asked)))
    for name in pairs(asked) do
      for i = 1, count do
        local changed = {}
        for other, good in pairs(fields) do
          changed[other] = good
        end
        changed[name] = value(i)
        try(call, { changed }, 1)
        try(call, { spy(changed, {}) }, 1)
      end
    end
    assert.is_true(works())
    return asked
  end

  local signable = { secret_id = "i", secret_key = secret, service = "s",
    host = "h", token = "t", headers = { host = "h" } }

  it("raises or answers, whatever is in a field of sign", function()
    assert.is_true(try_fields(core.sign, signable).payload)
  end)

  it("raises or answers, whatever is in a field of start", function()
    local request = { endpoint = nobody, path = "/", timeout = 5,
      connect_timeout = 5, headers = { A = "b" }, body = "{}",
      authorization = secret, scheme = "Bearer" }
    local transport = core.transport()
    local function begin(fields)
      return transport:start(fields)
    end
    assert.is_true(try_fields(begin, request).tc3)
    request.tc3 = { secret_id = "i", secret_key = secret, service = "s" }
    try_fields(begin, request)
    local asked = try_fields(function(fields)
      request.tc3 = fields
      return transport:start(request)
    end, { secret_id = "i", secret_key = secret, service = "s" })
    assert.is_true(asked.secret_key)
  end)

  it("raises or answers, whatever is in a table of headers", function()
    for i = 1, count do
      for _, headers in ipairs { { [0] = value(i) }, { a = value(i) } } do
        try(start, { { headers = headers } }, 1)
        try(core.sign, { { secret_id = "i", secret_key = secret,
          service = "s", host = "h", headers = headers } }, 1)
      end
      local name = value(i)
      if name ~= nil and name == name then
        try(start, { { headers = { [name] = "b" } } }, 1)
      end
    end
    assert.is_true(works())
  end)

  it("has buffers that take all of the pieces, or none", function()
    local output, status = process.run(process.build .. "/spec/buffer_work")
    assert.equal("0 ", status .. " " .. output)
  end)

  it("lets few look up a host whose address is not known", function()
    local output, status = process.run(process.build .. "/spec/lookups_work")
    assert.equal("0 ", status .. " " .. output)
  end)

  it("copies a table's own fields, and nothing else of it", function()
    local inner = {}
    local from = setmetatable({ a = 1, inner = inner, [3] = false },
      { __index = { b = 2 }, __pairs = error })
    local copy = core.copy(from)
    assert.same({ a = 1, inner = {}, [3] = false }, copy)
    assert.equal(inner, copy.inner)
    assert.is_nil(getmetatable(copy))
    copy.a = 5
    assert.equal(1, from.a)
    local many = {}
    for i = 1, 100 do
      many["field " .. i] = i
    end
    assert.same(many, core.copy(many))
  end)

  it("shows nothing behind its userdata but a name", function()
    assert.equal("balance.transport", getmetatable(core.transport()))
    assert.equal("balance.transfer", getmetatable(start()))
    assert.has_error(function() setmetatable(core.transport(), {}) end)
    for _, each in ipairs { core.transport(), start() } do
      assert.is_nil(tostring(each):find(secret, 1, true))
      assert.is_nil(each.__gc)
      assert.is_nil(each.nothing)
      assert.has_error(function() each.field = 1 end)
      assert.is_false((pcall(next, each)))
    end
  end)

  -- What is older than the module is finalized after its userdata, what is
  -- younger before.
  it("raises or answers while its state closes", function()
    local output, status = process.run_lua([[
      local newproxy = rawget(_G, "newproxy")
      local functions, selves, request = {}, {}, nil
      local function call_all()
        for _, body in ipairs(functions) do
          for _, self in ipairs(selves) do
            pcall(body, self, request)
          end
          pcall(body, request)
        end
        print(#functions > 10)
      end
      local function at_the_end()
        if _VERSION == "Lua 5.1" then
          local proxy = newproxy(true)
          getmetatable(proxy).__gc = call_all
          return proxy
        end
        return setmetatable({}, { __gc = call_all })
      end
      selves[1] = at_the_end()
      local core = require "balance.core"
      local transport = core.transport()
      request = { endpoint = arg[1], path = "/silent", timeout = 5,
        connect_timeout = 5, secret_id = "i", secret_key = "k",
        service = "s", host = "h" }
      local transfer = transport:start(request)
      local closed = transport:start(request)
      transport:step()
      closed:close()
      for _, self in ipairs { transport, transfer, closed } do
        selves[#selves + 1] = self
        for _, body in pairs(debug.getmetatable(self).__index) do
          functions[#functions + 1] = body
        end
      end
      for _, body in pairs(core) do
        functions[#functions + 1] = body
      end
      selves[#selves + 1] = at_the_end()
      os.exit(0, true)
    ]], nil, faults.endpoint())
    assert.equal("true\ntrue\n0", output .. status)
  end)
end)
