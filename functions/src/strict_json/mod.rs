//! Strict deserialization of JSON from outside.
//!
//! Derived types of serde accept more than the expected JSON: an array for a struct, an object for
//! a unit enum, and the last of duplicate fields in a map. `serde_json` accepts invalid UTF-8 in
//! ignored fields, and rejects a document if the name of an ignored field has an unpaired
//! surrogate. [`Strict`] wraps a deserializer and fixes all of that at every depth; [`from_slice`]
//! and [`from_str`] read a whole document with it.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor},
};

/// Reads a document that is entirely UTF-8. Trailing data is an error.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, serde_json::Error> {
    from_str(std::str::from_utf8(json).map_err(Error::custom)?)
}

/// Reads a document. Trailing data is an error.
pub(crate) fn from_str<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    let value = T::deserialize(Strict::new(&mut json))?;
    json.end()?;
    Ok(value)
}

/// Deserializes a field that may be absent but not `null`. Requires `#[serde(default)]`.
pub(crate) fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The names of a map's entries so far.
type Names = BTreeSet<Box<[u8]>>;

/// A deserializer that accepts only an object for a struct, only a string for a unit enum, and no
/// duplicate names.
pub(crate) struct Strict<'n, D> {
    inner: D,
    /// Set while the name of an entry is read.
    names: Option<&'n mut Names>,
}

impl<D> Strict<'_, D> {
    pub(crate) fn new(inner: D) -> Self {
        Self { inner, names: None }
    }
}

/// Implements the methods that only wrap the visitor.
macro_rules! forward_deserialize {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($argument,)* Checked { visitor, names: self.names, is_struct: false })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<'_, D> {
    type Error = D::Error;

    forward_deserialize! {
        deserialize_any() deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf()
        deserialize_option() deserialize_unit() deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq() deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_struct(name, fields, Checked { visitor, names: None, is_struct: true })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(Variant(visitor))
    }

    /// Reads the name of a field as bytes, because that of an ignored field may be invalid Unicode.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_bytes(Name(visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_ignored_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor that rejects an array in the place of a struct, and duplicate names.
struct Checked<'n, V> {
    visitor: V,
    names: Option<&'n mut Names>,
    is_struct: bool,
}

impl<V> Checked<'_, V> {
    /// Records the name of an entry; an error if it is a duplicate.
    fn check_unique<E: Error>(&mut self, name: &[u8]) -> Result<(), E> {
        let is_unique = self.names.as_mut().is_none_or(|names| names.insert(name.into()));
        if is_unique {
            return Ok(());
        }
        let name: String = String::from_utf8_lossy(name).chars().take(MAX_NAME_CHARS).collect();
        Err(E::custom(format!("duplicate field `{name}`")))
    }
}

/// The maximum length of a duplicate name in an error, in characters
/// (`docs/reference/limits.md#duplicate-name`).
const MAX_NAME_CHARS: usize = 100;

/// Implements the methods that only forward a value.
macro_rules! forward_visit {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Checked<'_, V> {
    type Value = V::Value;

    forward_visit! {
        visit_bool(bool) visit_char(char)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<V::Value, E> {
        self.check_unique(text.as_bytes())?;
        self.visitor.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(mut self, text: &'de str) -> Result<V::Value, E> {
        self.check_unique(text.as_bytes())?;
        self.visitor.visit_borrowed_str(text)
    }

    fn visit_string<E: Error>(mut self, text: String) -> Result<V::Value, E> {
        self.check_unique(text.as_bytes())?;
        self.visitor.visit_string(text)
    }

    fn visit_bytes<E: Error>(mut self, bytes: &[u8]) -> Result<V::Value, E> {
        self.check_unique(bytes)?;
        self.visitor.visit_bytes(bytes)
    }

    fn visit_borrowed_bytes<E: Error>(mut self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.check_unique(bytes)?;
        self.visitor.visit_borrowed_bytes(bytes)
    }

    fn visit_byte_buf<E: Error>(mut self, bytes: Vec<u8>) -> Result<V::Value, E> {
        self.check_unique(&bytes)?;
        self.visitor.visit_byte_buf(bytes)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Strict::new(inner))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Strict { inner, names: self.names })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        if self.is_struct {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        self.visitor.visit_seq(Elements(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        // A derived struct rejects duplicates of its own fields, and ignores all others.
        let names = (!self.is_struct).then(Names::new);
        self.visitor.visit_map(Entries { entries, names })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(data)
    }
}

/// The elements of an array, each read strictly.
struct Elements<A>(A);

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Seed { seed, names: None })
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

/// The entries of an object, each read strictly.
struct Entries<A> {
    entries: A,
    names: Option<Names>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.entries.next_key_seed(Seed { seed, names: self.names.as_mut() })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.entries.next_value_seed(Seed { seed, names: None })
    }

    fn size_hint(&self) -> Option<usize> {
        self.entries.size_hint()
    }
}

struct Seed<'n, S> {
    seed: S,
    names: Option<&'n mut Names>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.seed.deserialize(Strict { inner, names: self.names })
    }
}

/// A visitor that reads the variant of a unit enum from a string.
pub(crate) struct Variant<V>(pub(crate) V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Variant<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.0.visit_enum(text.into_deserializer())
    }
}

/// A visitor that gets the name of a field as text, or as bytes if it is invalid Unicode.
struct Name<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Name<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.0.visit_str(text)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.visit_str(text),
            Err(_) => self.0.visit_bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
