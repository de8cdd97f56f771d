//! DynamoDB's JSON, in which each value has its type (`{"N":"5"}`), read straight into a type.
//!
//! It is the only way to read a key's item: the thin client gets this JSON from DynamoDB, and an
//! item that came through the SDK is written as this JSON first. A second reader, from the SDK's
//! map of `AttributeValue`s, would be 70 KB of each binary. Types that the ledger does not write
//! are an error.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use crate::strict_json;

/// An item, or another map of typed values.
#[derive(Debug)]
pub(super) struct Typed<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Typed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(Fields(deserializer)).map(Self)
    }
}

/// A deserializer of a map whose values are typed.
struct Fields<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Fields<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(MapOf(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A deserializer of one typed value.
struct Value<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Value<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(One { visitor, expected: Expected::Any })
    }

    /// A stored value is present; absent ones are not in the map.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(One { visitor, expected: Expected::Enum })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// The types of values. Sets and binary values are not written by the ledger.
#[derive(Clone, Copy, Deserialize)]
enum Type {
    S,
    N,
    #[serde(rename = "BOOL")]
    Bool,
    M,
    L,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Any,
    Enum,
}

/// Visits the map of one entry, type and value.
struct One<V> {
    visitor: V,
    expected: Expected,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for One<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<V::Value, A::Error> {
        let kind = map.next_key::<Type>()?.ok_or_else(|| A::Error::custom("a value has no type"))?;
        let value = match kind {
            Type::S if self.expected == Expected::Enum => map.next_value_seed(Variant(self.visitor)),
            Type::S | Type::Bool => map.next_value_seed(Plain(self.visitor)),
            Type::N => map.next_value_seed(Number(self.visitor)),
            Type::M => map.next_value_seed(Map(self.visitor)),
            Type::L => map.next_value_seed(List(self.visitor)),
        }?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(value),
            Some(_) => Err(A::Error::custom("a value has two types")),
        }
    }
}

/// Defines a seed that reads a value with `$method`, for a visitor that `$wrap` wraps.
macro_rules! seed {
    ($(#[$doc:meta])* $name:ident, $wrap:expr, $method:ident) => {
        $(#[$doc])*
        struct $name<V>(V);

        impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for $name<V> {
            type Value = V::Value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
                deserializer.$method($wrap(self.0))
            }
        }
    };
}

seed!(/// A string or boolean.
    Plain, std::convert::identity, deserialize_any);
seed!(/// The variant of an enum.
    Variant, strict_json::Variant, deserialize_str);
seed!(/// A number, which is a string in JSON.
    Number, NumberOf, deserialize_str);
seed!(/// A map of typed values.
    Map, MapOf, deserialize_map);
seed!(/// A list of typed values.
    List, ListOf, deserialize_seq);

struct NumberOf<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for NumberOf<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: Error>(self, number: &str) -> Result<V::Value, E> {
        self.0.visit_u64(number.parse().map_err(|_| E::custom("a number is not an unsigned integer"))?)
    }
}

struct MapOf<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for MapOf<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(TypedMap(map))
    }
}

/// The entries of a map whose values are typed.
struct TypedMap<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for TypedMap<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(ValueSeed(seed))
    }
}

struct ListOf<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for ListOf<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(TypedList(list))
    }
}

/// The elements of a list of typed values.
struct TypedList<A>(A);

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for TypedList<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(ValueSeed(seed))
    }
}

/// Reads one typed value with another seed.
struct ValueSeed<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for ValueSeed<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Value(deserializer))
    }
}
