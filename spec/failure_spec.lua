-- SPDX-License-Identifier: MIT
local core = require "balance.core"
local failure = require "balance.failure"
local process = require "support.process"

describe("tostring() of a failure", function()
  it("is one line with all that is known", function()
    assert.equal("udio: auth: go away (code 401, HTTP 403, request r1); ask",
      tostring(failure.new {
        provider = "udio", kind = "auth", message = "go away", code = 401,
        status = 403, request_id = "r1", hint = "ask",
      }))
    assert.equal("udio: timeout: too late", tostring(failure.new {
      provider = "udio", kind = "timeout", message = "too late",
    }))
  end)
end)

describe("a failure", function()
  it("is retryable as its kind is, unless somebody knows better", function()
    for kind, retryable in pairs(failure.kinds) do
      local fields = { provider = "p", kind = kind, message = "m" }
      assert.equal(retryable, failure.new(fields).retryable)
    end
    assert.is_true(failure.new({ provider = "p", kind = "api", message = "m",
      retryable = true }).retryable)
  end)

  it("has a kind that exists", function()
    assert.has_error(function()
      failure.new { provider = "p", kind = "bad", message = "m" }
    end)
  end)
end)

describe("a stranger's text", function()
  local function clean(text, ...)
    return failure.clean(text, { ... })
  end

  it("loses its control characters", function()
    assert.equal("a b  c d e", clean "a\nb\r\nc\0d\127e")
    assert.equal("a [31mb", clean "a\27[31mb")
    assert.equal("a b", clean "a\194\155b") -- CSI in UTF-8
    assert.equal("ümlaut 余额", clean "ümlaut 余额")
  end)

  it("loses every secret, however often and wherever", function()
    assert.equal("***", clean("key1", "key1"))
    assert.equal("a *** b ***c***", clean("a key1 b key1ckey1", "key1"))
    assert.equal("*** ***", clean("uno1 dos2", "uno1", "dos2"))
    assert.equal("%d %s ***", clean("%d %s a.b.", "a.b."))
    assert.equal("axbx", clean("axbx", "a.b.")) -- a secret is not a pattern
    assert.equal("***", clean("****", "****"):sub(1, 3))
  end)

  it("does not lose what is too short to be a secret", function()
    assert.equal("a bad api key abc", clean("a bad api key abc", "a", "api",
      "abc", ""))
    assert.equal("no such ***", clean("no such abcd", "abcd"))
  end)

  it("loses a secret in the usual codings #transport", function()
    local key = "p4ss/wo+rd\"x?y"
    for text, shown in pairs {
      ["b64 cDRzcy93bytyZCJ4P3k= end"] = "b64 ***= end", -- alone
      ["b64 YWw6cDRzcy93bytyZCJ4P3k="] = "b64 YWw6***=", -- al:
      ["b64 YWxpY2U6cDRzcy93bytyZCJ4P3k="] = "b64 YWxpY2U6***=", -- alice:
      ["b64 Ym9iYjpwNHNzL3dvK3JkIng_eQ"] = "b64 Ym9iYjpw***", -- bobb:, for a URL
      ["b64 YTpwNHNzL3dvK3JkIng/eTp4eA=="] = "b64 YTpw***Tp4eA==", -- a: :xx
      ["at /p4ss%2Fwo%2Brd%22x%3Fy/x"] = "at /***/x",
      ["at /p4ss%2fwo%2brd%22x%3fy/x"] = "at /***/x",
      ['"p4ss\\/wo+rd\\"x?y"'] = '"***"',
      ['"p4ss/wo+rd\\"x?y"'] = '"***"',
      ['"p4ss\\u002fwo+rd\\u0022x?y"'] = '"***"',
      ["<p4ss/wo+rd&quot;x?y>"] = "<***>",
      ["<p4ss&#47;wo&#x2B;rd&#34;x?y>"] = "<***>",
      ["k=p4ss/wo%2Brd%22x?y&b=1"] = "k=***&b=1",
      ["at /cDRzcy93bytyZCJ4P3k%3D/b"] = "at /***%3D/b",
    } do
      assert.equal(shown, clean(text, key))
      assert.is_true(core.has_secret(text, { key }))
    end
  end)

  it("loses a secret in whatever way its characters are escaped", function()
    for text, key in pairs {
      ["k=P!ss%20w*rd-1."] = "P!ss w*rd-1", -- encodeURIComponent
      ["k=P%40ss+word+12."] = "P@ss word 12", -- a form
      ["k=caf\\u00e9-cr\\u00E8me."] = "caf\195\169-cr\195\168me",
      ["k=caf&#233;-cr&#xE8;me."] = "caf\195\169-cr\195\168me",
      ["k=p&amp;ss&lt;w0rd&gt;."] = "p&ss<w0rd>",
      ["k=p\\u0026ss\\u003cw0rd\\u003e."] = "p&ss<w0rd>",
      ["k=ab+cd/ef+gh/."] = "ab%2Bcd%2Fef%2Bgh%2F", -- what a request had
    } do
      assert.equal("k=***.", clean(text, key))
      assert.is_true(core.has_secret(text, { key }))
      assert.is_true(core.has_secret(("x%20"):rep(3000) .. text, { key }))
    end
    for _, text in ipairs { "100 % of it", "a % b %2", "\\u12", "\\", "&#;",
      "&#x;", "&amp", "&#99999999999;", "%", "&", "%zz \\q &nbsp; +" } do
      assert.equal(text, clean(text, "a-key-of-a-spec"))
    end
  end)

  it("loses a long secret in a coding, whichever piece #transport", function()
    local bytes = {}
    for i = 1, 3000 do
      bytes[i] = string.char(33 + i * i % 89)
    end
    local key = table.concat(bytes)
    local escaped = key:gsub("[^%w._~-]", function(c)
      return ("%%%02X"):format(c:byte())
    end)
    for at = 1, #escaped - 30, 7 do
      local piece = escaped:sub(at, at + 29)
      assert.is_true(core.has_secret(piece, { key }), at)
    end
    local path = os.tmpname()
    process.write(path, key)
    local coded = process.run("base64 -w 0 " .. path):gsub("[^%w+/=]", "")
    os.remove(path)
    for at = 1, #coded - 10 do
      assert.is_true(core.has_secret(coded:sub(at, at + 9), { key }), at)
    end
  end)

  it("loses the longer of two secrets that begin alike", function()
    assert.equal("***", clean("abcdef", "abc", "abcdef"))
    assert.equal("*** ***", clean("abcd abcdef", "abcd", "abcdef"))
  end)

  it("loses the beginning of a secret, which is telling enough", function()
    assert.equal("key ***...", clean("key 12345678...", "1234567890"))
    assert.equal("***", clean("123456789", "1234567890"))
    assert.equal("1234567", clean("1234567", "1234567890"))
    assert.equal("***!", clean("12345678cd!", "12345678abc", "12345678cd"))
  end)

  it("loses a piece of a secret from wherever, in either case", function()
    local key = "Abcd-1234-Efgh-5678"
    for first = 1, #key - 7 do
      for last = first + 7, #key do
        local piece = key:sub(first, last)
        for _, each in ipairs { piece, piece:upper(), piece:lower() } do
          assert.equal("a *** b", clean("a " .. each .. " b", "other", key))
        end
      end
    end
    for first = 1, #key - 6 do
      local piece = key:sub(first, first + 6)
      assert.equal("a " .. piece .. " b", clean("a " .. piece .. " b", key))
    end
    -- two secrets without anything between them
    assert.equal("***", clean("Abcd-123-Efgh-56", key))
    assert.equal("*** is ***", clean(key .. " is " .. key, key))
  end)

  it("loses nothing else", function()
    local text = "the key ABC of 2026-11-26 is not known: 12345678"
    assert.equal(text, clean(text, "ABCD", "23456789", "a key was"))
  end)

  it("is looked at no further than it may cost", function()
    local long = ("0123456789abcdef"):rep(1024)
    local text = (long:sub(3, 9) .. "x"):rep(128 * 1024)
    local started = os.clock()
    assert.is_true(#clean(text, long, long, long, long, long) <= 310)
    assert.is_true(os.clock() - started < 5) -- some milliseconds
    assert.equal("***...", clean(long .. long, long))
  end)

  it("loses a signature", function()
    local hex = ("0123456789abcdef"):rep(4)
    assert.equal("Signature=*** of it", clean("Signature=" .. hex .. " of it"))
    assert.equal(hex:sub(2), clean(hex:sub(2)))
    assert.equal("a, Signature=***", clean("a, Signature=" .. hex:sub(1, 9)))
    assert.equal("*** Signature=*** ***",
      clean(hex .. " Signature=" .. hex .. " " .. hex))
    -- a secret across the end is removed whole
    assert.is_nil(clean(("x"):rep(290) .. hex):find "012")
    assert.is_nil(clean(("secret-"):rep(500) .. hex, ("secret-"):rep(100))
      :find "012")
  end)

  it("loses a secret that control characters take apart or bring together",
    function()
      assert.equal("***", clean("a bc", "a bc"))
      assert.equal("***", clean("a\nbc", "a bc"))
      assert.equal("***", clean("\194\155key", "\194\155key"))
    end)

  it("costs no more where a megabyte repeats a key", function()
    local calls = 0
    debug.sethook(function() calls = calls + 1 end, "", 1000)
    local text = clean(("k"):rep(1024 * 1024), "k")
    debug.sethook()
    assert.is_true(#text <= 310)
    assert.is_true(calls < 100) -- in thousands of instructions
  end)

  it("ends somewhere, and not in the middle of a character", function()
    local long = clean(("x"):rep(1024 * 1024))
    assert.is_true(#long <= 310)
    for length = 295, 301 do
      local text = clean(("x"):rep(length) .. ("额"):rep(100))
      assert.matches("^x+[额]*%.%.%.$", text)
      assert.equal(0, #text:gsub("^x+", ""):gsub("%.%.%.$", "") % 3)
    end
    -- a secret across the end is removed whole
    assert.is_nil(clean(("x"):rep(295) .. "s3cr3t", "s3cr3t"):find "s3c")
  end)

  it("is UTF-8, whatever it was, wherever it is cut and what is hidden",
    function()
      assert.equal("a?b", clean "a\255b")
      assert.equal("ä??", clean "ä\228\189")
      assert.equal("????", clean "\237\160\128\192")
      assert.equal("a b c d", clean "a\226\128\168b\226\128\174c\194\133d")
      local seed = os.time()
      math.randomseed(seed)
      local pieces = { "a", " ", "ä", "额", "\240\159\152\128", "\255", "\195",
        "\229\188", "\240\159", "\0", "\n", "\194\155", "se\195\164cret" }
      for _ = 1, 2000 do
        local list = {}
        for i = 1, math.random(0, 400) do
          list[i] = pieces[math.random(#pieces)]
        end
        local text = table.concat(list)
        local cleaned = clean(text, "se\195\164cret", "\164cret-of-bytes\195")
          or ""
        if not core.json_size(cleaned) or #cleaned > 303
          or cleaned:find "%c" then
          error(("seed %d: %q became %q"):format(seed, text, cleaned))
        end
      end
      -- at the end of what is looked at, too
      for length = 4080, 4100 do
        local text = ("s"):rep(length) .. ("额"):rep(100)
        assert.is_number(core.json_size(clean(text, ("s"):rep(5000))))
      end
    end)

  it("is a string, or it is nothing", function()
    assert.equal("a", clean " a\n")
    assert.is_nil(clean "")
    assert.is_nil(clean " \r\n")
    assert.equal("7", clean(7))
    assert.is_nil(clean(nil))
    assert.is_nil(clean({}))
    assert.is_nil(clean(true))
  end)
end)
