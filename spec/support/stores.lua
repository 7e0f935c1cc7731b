-- SPDX-License-Identifier: MIT
--- The specs that all stores share.
local assert = require "luassert"
local busted = require "busted"

local before_each, it = busted.before_each, busted.it

local _M = {}

--- What every store promises. `make` makes one; `pass(seconds)` lets time pass.
function _M.is_a_store(make, pass)
  local store

  before_each(function()
    store = make()
  end)

  it("has nothing at first", function()
    assert.is_nil(store:get "key")
    assert.is_nil((select(2, store:get "key")))
  end)

  it("gives back what was set, and what was set last", function()
    assert.is_true(store:set("key", "one"))
    assert.equal("one", store:get "key")
    assert.is_true(store:set("key", "two\r\n\0 %s"))
    assert.equal("two\r\n\0 %s", store:get "key")
    assert.is_nil(store:get "another")
  end)

  it("forgets when the time is over, a part of a second too", function()
    assert.is_true(store:set("short", "x", 0.05))
    assert.is_true(store:set("long", "x", 60.5))
    assert.is_true(store:set("good", "x", 0))
    assert.equal("x", store:get "short")
    pass(0.1)
    assert.is_nil(store:get "short")
    assert.equal("x", store:get "long")
    assert.equal("x", store:get "good")
    assert.is_true(store:set("long", "x", 0.0001))
    pass(0.1)
    assert.is_nil(store:get "long")
  end)

  it("adds only where there is nothing", function()
    assert.is_true(store:add("lock", "one", 0.05))
    local added, why = store:add("lock", "two", 60)
    assert.is_false(added)
    assert.equal("exists", why)
    assert.equal("one", store:get "lock")
    pass(0.1)
    assert.is_true(store:add("lock", "three"))
    assert.equal("three", store:get "lock")
  end)

  it("deletes, whether there is something or not", function()
    store:set("key", "one")
    assert.is_true(store:delete "key")
    assert.is_nil(store:get "key")
    assert.is_true(store:delete "key")
    assert.is_true(store:add("key", "two"))
  end)
end

return _M
